"""The wire between many who want it: stops come next, and what is written is chosen in that moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.bridge.presence_check import summary
from bb8_core.robot import commands

DRIVE = '{"cid":"d","speed":100,"heading":0,"ms":2000}'


def before_the_stop(rig: Rig, since: float) -> list[str]:
    """What the robot still heard until it heard a stop."""
    heard = [command for at, command in rig.commands() if at > since]
    first = next(number for number, command in enumerate(heard) if command.is_stop)
    return [command.name for command in heard[:first]]


@pytest.mark.parametrize("question", ["connect", "ble_ready"])
def test_a_stop_waits_for_one_write_at_most_however_many_ask_for_the_robot(
    tmp_path: Path, question: str
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        rig.slow_wire(0.05)
        rig.deliver("drive", DRIVE)
        await rig.until(lambda: rig.robot.motor.moving)
        asked = []
        for number in range(100):
            if question == "connect":
                rig.deliver("connect")
            else:
                asked.append(asyncio.ensure_future(summary(rig.link, 10.0, number)))
        await asyncio.sleep(0.01)
        stopped = rig.loop.time()
        rig.deliver("stop", '{"cid":"s"}')
        await rig.until(lambda: "confirmed" in rig.ears.statuses_of("stop", "s"), 10)
        assert len(before_the_stop(rig, stopped)) <= 1
        assert not rig.robot.motor.moving
        answers = await asyncio.gather(*asked)
        assert all(answer["detected"] for answer in answers)

    play(tmp_path, story)


def test_a_drive_that_waits_for_the_wire_is_not_written_once_a_stop_was_accepted(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        rig.slow_wire(0.05)
        asked = [asyncio.ensure_future(rig.link.channel.request(commands.ping())) for _ in range(5)]
        await asyncio.sleep(0.01)
        rig.deliver("drive", DRIVE)
        await asyncio.sleep(0.01)
        rig.deliver("stop", '{"cid":"s"}')
        await asyncio.gather(*asked)
        await asyncio.sleep(0.5)
        assert rig.ears.last("drive", "d")["code"] == "STOPPED"
        assert rig.ears.statuses_of("stop", "s") == ["accepted", "sent", "confirmed"]
        assert all(command.is_stop for _, command in rig.motor_commands())

    play(tmp_path, story)


def test_a_drive_that_waited_for_the_wire_too_long_is_not_driven(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        async with rig.link.channel.turn(lambda: False):
            rig.deliver("drive", DRIVE)
            await asyncio.sleep(0.7)
        await asyncio.sleep(0.1)
        assert rig.ears.last("drive", "d")["code"] == "EXPIRED"
        assert not rig.motor_commands()

    play(tmp_path, story)


def test_what_waited_for_the_wire_of_an_ended_link_is_not_written_to_the_next(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        async with rig.link.channel.turn(lambda: False):
            rig.deliver("drive", DRIVE)
            await asyncio.sleep(0.01)
            rig.air.drop_link(rig.robot)
            await rig.until(lambda: rig.link.channel.open is False)
            await rig.until(lambda: rig.link.channel.open)
        await rig.until_ready()
        await asyncio.sleep(1)
        assert rig.ears.last("drive", "d")["code"] == "LINK_LOST"
        assert not rig.motor_commands()

    play(tmp_path, story)
