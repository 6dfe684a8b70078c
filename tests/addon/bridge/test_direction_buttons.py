"""The buttons that drive: where the robot goes, how fast and how long, and what ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.motion.motion_gate import Limits


def rolls(rig: Rig) -> list[tuple[int, int]]:
    """Speed and heading of each drive that the robot got, stops and repeated ones left out."""
    found: list[tuple[int, int]] = []
    for _, command in rig.motor_commands():
        drive = (command.data[0], int.from_bytes(command.data[1:3], "big"))
        if not command.is_stop and found[-1:] != [drive]:
            found.append(drive)
    return found


@pytest.mark.parametrize(
    ("directions", "expected"),
    [
        (["forward"], [(80, 0)]),
        (["right"], [(80, 90)]),
        (["left", "left"], [(80, 270), (80, 180)]),
        (["back", "forward"], [(80, 180)]),
        (["turn_around", "right"], [(0, 180), (80, 270)]),
    ],
)
def test_a_direction_is_taken_from_where_the_robot_looks(
    tmp_path: Path, directions: list[str], expected: list[tuple[int, int]]
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        for direction in directions:
            rig.deliver("steer", f'{{"direction":"{direction}"}}')
            await asyncio.sleep(2)
        assert rolls(rig) == expected
        assert not rig.bridge.motion.state.moving
        assert rig.last_motor().is_stop

    play(tmp_path, story)


def test_the_numbers_set_speed_and_time(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("steer_speed", '{"value":30,"cid":1}')
        rig.send("steer_time", '{"value":500,"cid":2}')
        rig.deliver("steer", '{"direction":"forward","cid":3}')
        await asyncio.sleep(2)
        assert rig.ears.states["steer_speed"] == {"value": 30}
        assert rig.ears.states["steer_time"] == {"value": 500}
        began = next(at for at, command in rig.motor_commands() if command.data[0] == 30)
        ended = next(at for at, command in rig.motor_commands() if command.is_stop and at > began)
        assert 0.4 < ended - began < 0.8
        ack = rig.ears.last("steer", 3)
        assert (ack["status"], ack["echo"]) == ("confirmed", {"direction": "forward"})

    play(tmp_path, story)


def test_the_options_are_the_upper_limits(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        assert rig.bridge.steering.speed == 60
        rig.send("steer_speed", '{"value":61,"cid":1}')
        rig.send("steer_time", '{"value":901,"cid":2}')
        assert "option speed_cap allows at most 60" in rig.ears.last("steer_speed", 1)["reason"]
        assert "option duration_cap_ms allows at most 900" in rig.ears.last("steer_time", 2)["reason"]

    play(tmp_path, story, limits=Limits(speed_cap=60, duration_cap_ms=900))


def test_a_latched_emergency_stop_refuses_the_buttons(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("estop")
        rig.deliver("steer", '{"direction":"forward","cid":1}')
        await asyncio.sleep(0.5)
        assert rig.ears.last("steer", 1)["code"] == "ESTOP"
        assert rolls(rig) == []

    play(tmp_path, story)


def test_a_stop_that_overtakes_the_button_wins(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("steer", '{"direction":"forward","cid":1}')
        rig.overtake("stop")
        await asyncio.sleep(0.5)
        assert rig.ears.last("steer", 1)["code"] == "STOPPED"
        assert rolls(rig) == []

    play(tmp_path, story)
