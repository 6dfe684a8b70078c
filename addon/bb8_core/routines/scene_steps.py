"""Turns a scene into steps for the player of gestures: every stop that ends a gesture ends a scene; pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from bb8_core.robot import commands
from bb8_core.robot.gesture_steps import GESTURES, MAX_STEP_MS, Step, scaled
from bb8_core.robot.packet_framing import Command
from bb8_core.routines.scene_reader import (
    Scene,
    SceneColour,
    SceneDrive,
    SceneGesture,
    SceneStep,
    SceneTurn,
    SceneWait,
)

SETTLE_MS: Final = 100
"""How long a robot has to brake before something else begins."""
TURN_MS: Final = 200
TURN_MS_PER_DEGREE: Final = 3


def steps_of(scene: Scene, heading: int, speed_cap: int) -> Iterator[Step]:
    """Yield the steps for a robot that looks to `heading` (0-359), no speed above `speed_cap` (0-255).

    A drive is repeated often enough that the robot's own motion timeout does not end it.
    """
    for step, following in pairwise((*_visible(scene.steps), None)):
        match step:
            case SceneDrive():
                heading = heading if step.heading is None else step.heading
                yield from _held(commands.roll(min(step.speed, speed_cap), heading), step.seconds)
            case SceneTurn():
                heading = (heading + step.degrees) % 360
                time = TURN_MS + abs(step.degrees) * TURN_MS_PER_DEGREE
                yield Step(commands.spin_in_place(heading), min(time, MAX_STEP_MS))
            case SceneWait():
                yield Step(commands.stop(heading), round(step.seconds * 1000))
            case SceneColour():
                yield Step(commands.rgb_led(*step.rgb), 0)
            case SceneGesture():
                yield from scaled(GESTURES[step.name], speed_cap)
        if isinstance(step, SceneDrive | SceneGesture) and not isinstance(following, SceneDrive | SceneWait):
            yield Step(commands.stop(heading), SETTLE_MS)


def _visible(steps: tuple[SceneStep, ...]) -> Iterator[SceneStep]:
    """All steps but colours that another one follows at once: nobody sees them."""
    for step, following in pairwise((*steps, None)):
        if step is not None and not (isinstance(step, SceneColour) and isinstance(following, SceneColour)):
            yield step


def _held(command: Command, seconds: float) -> Iterator[Step]:
    left_ms = round(seconds * 1000)
    while left_ms > 0:
        yield Step(command, min(left_ms, MAX_STEP_MS))
        left_ms -= MAX_STEP_MS
