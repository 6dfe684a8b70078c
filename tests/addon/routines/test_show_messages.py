"""Messages: the right gesture and colour, the light as before, and the gate of every other motion."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.app_options import Options
from bb8_core.robot.gesture_steps import GESTURES
from bb8_core.routines.routine_dispatch import RoutineOptions
from bb8_core.routines.show_messages import COLOURS, Notice, rules_of

RULES = RoutineOptions("doorbell: dance blue; leak: still #ff0000")


def moved(rig: Rig) -> bool:
    return any(not command.is_stop for _, command in rig.motor_commands())


def test_the_default_option_reads_as_two_rules() -> None:
    rules = rules_of(Options().notifications)
    assert rules == (
        ("doorbell", Notice("nod", COLOURS["blue"])),
        ("washing machine", Notice("dance", COLOURS["green"])),
    )
    assert all(notice.gesture in GESTURES for _, notice in rules)


def test_a_message_plays_its_gesture_in_its_colour_and_puts_the_light_back(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("led", '{"r":9,"g":8,"b":7}')
        await asyncio.sleep(0.5)
        rig.send("notify", '{"message":"The DOORBELL rings","cid":1}')
        await asyncio.sleep(1)
        assert rig.robot.mind.led == (0, 0, 255)
        assert moved(rig)
        await asyncio.sleep(8)
        assert rig.robot.mind.led == (9, 8, 7)
        assert rig.last_motor().is_stop
        assert rig.ears.last("notify", 1)["status"] == "confirmed"

    play(tmp_path, story, routines=RULES)


def test_a_still_message_moves_nothing_even_when_stopped(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("estop")
        rig.deliver("notify", '{"message":"leak in the kitchen","cid":1}')
        await asyncio.sleep(1)
        assert rig.robot.mind.led == (255, 0, 0)
        assert not moved(rig)
        assert rig.ears.last("notify", 1)["status"] == "confirmed"

    play(tmp_path, story, routines=RULES)


@pytest.mark.parametrize("stop", ["stop", "estop"])
def test_a_stop_ends_the_gesture_of_a_message(tmp_path: Path, stop: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("notify", '{"message":"doorbell","cid":1}')
        await asyncio.sleep(0.6)
        rig.deliver(stop)
        await asyncio.sleep(0.25)
        heard = len(rig.motor_commands())
        assert rig.last_motor().is_stop
        await asyncio.sleep(5)
        assert all(command.is_stop for _, command in rig.motor_commands()[heard:])
        assert rig.ears.last("notify", 1)["code"] == "STOPPED"

    play(tmp_path, story, routines=RULES)


def test_a_stop_that_overtakes_a_message_wins(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("notify", '{"message":"doorbell","cid":1}')
        rig.overtake("stop")
        await asyncio.sleep(1)
        assert rig.ears.last("notify", 1)["code"] == "STOPPED"
        assert not moved(rig)

    play(tmp_path, story, routines=RULES)
