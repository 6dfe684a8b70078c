"""The way home: it arrives, whatever the robot calls straight on, and every stop and every doubt ends it."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.routines.routine_dispatch import RoutineOptions
from bb8_core.simulator.injected_faults import Faults


def metres(rig: Rig) -> float:
    """How far the simulated body really is from where it woke."""
    rig.robot.tick()
    return math.hypot(rig.robot.body.x_mm, rig.robot.body.y_mm) / 1000


async def away(rig: Rig, heading: int = 30) -> None:
    """Drive about 1.5 m away."""
    await rig.until_ready()
    rig.send("drive", f'{{"speed":100,"heading":{heading},"ms":2000}}')
    await asyncio.sleep(4)
    assert metres(rig) > 1


@pytest.mark.parametrize("turned", [0, 90, 180, 260])
def test_it_comes_back_even_if_straight_on_was_set_again(tmp_path: Path, turned: int) -> None:
    async def story(rig: Rig) -> None:
        await away(rig)
        rig.send("heading", f'{{"heading":{turned}}}')
        await asyncio.sleep(0.5)
        rig.send("return_to_start", '{"cid":1}')
        await asyncio.sleep(30)
        assert rig.ears.last("return_to_start", 1)["status"] == "confirmed"
        assert metres(rig) < 0.4
        assert rig.last_motor().is_stop

    play(tmp_path, story)


@pytest.mark.parametrize("how", ["stop", "estop", "broker", "drop", "freeze", "disconnect"])
def test_whatever_stops_the_robot_ends_the_way_home(tmp_path: Path, how: str) -> None:
    async def story(rig: Rig) -> None:
        await away(rig)
        rig.send("return_to_start", '{"cid":1}')
        await asyncio.sleep(2)
        assert rig.bridge.motion.state.moving
        match how:
            case "broker":
                rig.bridge.stopping.broker_lost()
            case "drop":
                rig.air.drop_link(rig.robot)
            case "freeze":
                rig.bridge.pulse(stood_still=True)
            case _:
                rig.deliver(how)
        await asyncio.sleep(0.25)
        heard, there = len(rig.motor_commands()), metres(rig)
        await asyncio.sleep(10)
        assert all(command.is_stop for _, command in rig.motor_commands()[heard:])
        assert abs(metres(rig) - there) < 0.3
        assert rig.ears.last("return_to_start", 1)["status"] != "confirmed"

    play(tmp_path, story)


def test_a_robot_that_does_not_report_its_position_is_not_moved(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await away(rig)
        rig.send("return_to_start", '{"cid":1}')
        await asyncio.sleep(4)
        assert rig.ears.last("return_to_start", 1)["code"] == "NO_POSITION"
        assert rig.last_motor().is_stop

    play(tmp_path, story, faults=Faults(refused=frozenset({(0x02, 0x11)})))


def test_a_robot_that_stops_telling_its_position_is_stopped(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await away(rig)
        rig.send("return_to_start", '{"cid":1}')
        await asyncio.sleep(2)
        rig.robot.mind.stream = None
        await asyncio.sleep(2)
        assert rig.last_motor().is_stop
        assert rig.ears.last("return_to_start", 1)["code"] == "NO_POSITION"

    play(tmp_path, story)


def test_something_in_the_way_ends_it(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await away(rig)
        rig.robot.body.held = True
        rig.send("return_to_start", '{"cid":1}')
        await asyncio.sleep(10)
        assert rig.last_motor().is_stop
        assert rig.ears.last("return_to_start", 1)["code"] == "BLOCKED"

    play(tmp_path, story)


@pytest.mark.parametrize("heading", [0, 135])
def test_the_limit_stops_every_drive_and_lets_the_robot_come_back(tmp_path: Path, heading: int) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        for cid in range(8):
            rig.send("drive", f'{{"speed":120,"heading":{heading},"ms":2000,"cid":{cid}}}')
            await asyncio.sleep(3)
        assert 0.6 < metres(rig) < 1.4
        rig.send("drive", f'{{"speed":120,"heading":{heading},"ms":2000,"cid":9}}')
        await asyncio.sleep(3)
        assert metres(rig) < 1.4
        rig.send("return_to_start", '{"cid":10}')
        await asyncio.sleep(20)
        assert rig.ears.last("return_to_start", 10)["status"] == "confirmed"
        assert metres(rig) < 0.4

    play(tmp_path, story, routines=RoutineOptions(distance_limit_m=1))


def test_beyond_the_limit_only_the_way_home_is_allowed(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        rig.robot.body.y_mm = 800
        await asyncio.sleep(0.5)
        rig.robot.body.y_mm = 1500
        await asyncio.sleep(0.5)
        rig.send("drive", '{"speed":60,"heading":0,"cid":1}')
        rig.send("macro", '{"name":"nod","cid":2}')
        assert rig.ears.last("drive", 1)["code"] == rig.ears.last("macro", 2)["code"] == "TOO_FAR"
        rig.send("return_to_start", '{"cid":3}')
        await asyncio.sleep(15)
        assert rig.ears.last("return_to_start", 3)["status"] == "confirmed"
        assert metres(rig) < 0.4

    play(tmp_path, story, routines=RoutineOptions(distance_limit_m=1))


def test_with_a_limit_a_lost_position_stops_the_robot(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        rig.send("drive", '{"speed":30,"heading":0,"ms":2000,"cid":1}')
        await asyncio.sleep(0.3)
        assert rig.bridge.motion.state.moving
        rig.robot.mind.stream = None
        await asyncio.sleep(1)
        assert rig.last_motor().is_stop
        rig.send("drive", '{"speed":30,"heading":0,"ms":2000,"cid":2}')
        assert rig.ears.last("drive", 2)["code"] == "NO_POSITION"

    play(tmp_path, story, routines=RoutineOptions(distance_limit_m=5))
