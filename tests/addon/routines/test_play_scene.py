"""Scenes on the simulated robot: they do what they say and what the preview shows; every stop ends them."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.motion.motion_gate import Limits
from bb8_core.routines.routine_dispatch import RoutineOptions

SCENE = """\
steps:
  - colour: red
  - drive: {speed: 60, seconds: 2.5, heading: 90}
  - colour: green
  - wait: 1
  - turn: 90
  - drive: {speed: 60, seconds: 1}
  - gesture: nod
  - colour: blue
"""
LONG = """\
steps:
  - repeat:
      times: 20
      steps:
        - drive: {speed: 50, seconds: 5}
        - wait: 2
"""


@pytest.fixture
def scenes(tmp_path: Path) -> RoutineOptions:
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "party.yaml").write_text(SCENE)
    (tmp_path / "scenes" / "long.yaml").write_text(LONG)
    return RoutineOptions(scenes=tmp_path / "scenes")


def place(rig: Rig) -> tuple[float, float]:
    rig.robot.tick()
    return rig.robot.body.x_mm / 10, rig.robot.body.y_mm / 10


def test_a_scene_drives_where_the_preview_says_and_ends_with_a_stop(
    tmp_path: Path, scenes: RoutineOptions
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        shown = rig.bridge.routines.preview("party")
        assert shown is not None
        rig.send("scene", '{"name":"party","cid":1}')
        await asyncio.sleep(1)
        assert rig.robot.mind.led == (255, 0, 0)
        await asyncio.sleep(shown.seconds + 3)
        assert rig.ears.last("scene", 1)["status"] == "confirmed"
        assert rig.robot.mind.led == (0, 0, 255)
        assert rig.ears.states["led"]["b"] == 255
        assert rig.last_motor().is_stop
        assert not rig.bridge.motion.state.moving
        assert math.dist(place(rig), shown.points[-1]) < 25
        assert place(rig)[0] > 80

    play(tmp_path, story, routines=scenes)


@pytest.mark.parametrize("moment", [0.05, 1.0, 5.5, 8.0])
@pytest.mark.parametrize("how", ["stop", "estop", "broker", "drop", "freeze", "disconnect", "drive"])
def test_a_scene_ends_at_every_moment(
    tmp_path: Path, scenes: RoutineOptions, how: str, moment: float
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("scene", '{"name":"long","cid":1}')
        await asyncio.sleep(moment)
        match how:
            case "broker":
                rig.bridge.stopping.broker_lost()
            case "drop":
                rig.air.drop_link(rig.robot)
            case "freeze":
                rig.bridge.pulse(stood_still=True)
            case "drive":
                rig.deliver("drive", '{"speed":40,"heading":0,"ms":100}')
            case _:
                rig.deliver(how)
        await asyncio.sleep(0.4)
        heard = len(rig.motor_commands())
        await asyncio.sleep(20)
        assert all(command.is_stop for _, command in rig.motor_commands()[heard:])
        assert not rig.robot.motor.moving
        assert rig.ears.last("scene", 1)["status"] in {"expired", "rejected"}

    play(tmp_path, story, routines=scenes)


def test_the_speed_cap_and_the_emergency_stop_hold_for_scenes(tmp_path: Path, scenes: RoutineOptions) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("scene", '{"name":"party","cid":1}')
        await asyncio.sleep(9)
        assert max(command.data[0] for _, command in rig.motor_commands()) <= 40
        rig.send("estop")
        rig.deliver("scene", '{"name":"party","cid":2}')
        await asyncio.sleep(1)
        assert rig.ears.last("scene", 2)["code"] == "ESTOP"
        rig.send("scene", '{"name":"nothing","cid":3}')
        assert rig.ears.last("scene", 3)["code"] == "UNKNOWN_SCENE"

    play(tmp_path, story, routines=scenes, limits=Limits(speed_cap=40))


def test_a_stop_that_overtakes_a_scene_wins(tmp_path: Path, scenes: RoutineOptions) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("scene", '{"name":"long","cid":1}')
        rig.overtake("stop")
        await asyncio.sleep(1)
        assert rig.ears.last("scene", 1)["code"] == "STOPPED"
        assert all(command.is_stop for _, command in rig.motor_commands())

    play(tmp_path, story, routines=scenes)
