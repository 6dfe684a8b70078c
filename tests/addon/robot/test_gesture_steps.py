"""Gestures end, stay under the cap and stop."""

from __future__ import annotations

import pytest

from bb8_core.robot import commands
from bb8_core.robot.gesture_steps import GESTURES, MAX_GESTURE_MS, Gesture, Step, scaled


def test_the_gestures_that_the_bridge_offers() -> None:
    assert sorted(GESTURES) == ["dance", "figure_eight", "nod", "shake"]


@pytest.mark.parametrize("name", sorted(GESTURES))
@pytest.mark.parametrize("cap", [0, 40, 255])
def test_a_gesture_ends_with_a_stop_and_keeps_to_the_cap(name: str, cap: int) -> None:
    gesture = scaled(GESTURES[name], cap)
    assert gesture.duration_ms == GESTURES[name].duration_ms <= MAX_GESTURE_MS
    assert gesture.steps[-1].command.is_stop
    for step in gesture.steps:
        data = step.command.data
        if step.command.key == (2, 0x30):
            assert data[0] <= cap
        elif step.command.key == (2, 0x33):
            assert max(data[1], data[3]) <= cap


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (Step(commands.roll(10, 0), 100),),
        (Step(commands.roll(10, 0), 801), Step(commands.stop(), 0)),
        (*[Step(commands.roll(10, 0), 800)] * 11, Step(commands.stop(), 0)),
    ],
)
def test_a_gesture_that_could_go_on_cannot_be_made(steps: tuple[Step, ...]) -> None:
    with pytest.raises(ValueError, match=r"stop|ms"):
        Gesture(steps)


def test_a_cap_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="cap"):
        scaled(GESTURES["nod"], 256)
