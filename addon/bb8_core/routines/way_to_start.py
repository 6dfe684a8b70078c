"""The way back to the start by the robot's own locator: one short step at a time, or why it cannot go on.

The locator's axes may be turned against the robot's headings, so each step is compared with what the
locator reports about it, and the next one is corrected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from bb8_core.motion.distance_limit import Place
from bb8_core.motion.motion_gate import Refused
from bb8_core.motion.play_gesture import Doubt
from bb8_core.robot import commands
from bb8_core.robot.gesture_steps import Step

RETURN: Final = "return_to_start"
"""What the robot is doing meanwhile, as the name of a gesture."""
ARRIVED_CM: Final = 20.0
NEAR_CM: Final = 60.0
SPEED, NEAR_SPEED = 60, 35
ROLL_MS: Final = 300
TURN_MS: Final = 600
STEPS: Final = 200
"""A minute at most."""
STRAY_CM: Final = 70.0
"""How much farther away than at its nearest the robot may get before it is stopped."""
PATIENCE: Final = 8
"""Steps without getting nearer by a centimetre: something is in the way."""
LEAST_CM: Final = 4.0
"""On a shorter way the direction is not reliable."""
ASKEW_DEG: Final = 25.0


def way_home(place: Callable[[], Place | None], bumps: Callable[[], int], speed_cap: int) -> Iterator[Step]:
    """Yield each step when it is due; Doubt as soon as anything is not as expected."""
    began, turned_by, nearest, stuck = bumps(), 0.0, float("inf"), 0
    here, facing = _known(place()), None
    for _ in range(STEPS):
        if here.distance_cm <= ARRIVED_CM:
            return
        if here.distance_cm > nearest + STRAY_CM:
            raise Doubt(Refused("STRAYED", "the robot went away from its start instead of back"))
        stuck = 0 if here.distance_cm < nearest - 1 else stuck + 1
        nearest = min(nearest, here.distance_cm)
        if stuck > PATIENCE:
            raise Doubt(Refused("BLOCKED", "the robot does not get nearer: something is in the way"))
        heading = round(_bearing(-here.x_cm, -here.y_cm) + turned_by) % 360
        if facing is None or abs(_turn(facing, heading)) > ASKEW_DEG:
            yield Step(commands.spin_in_place(heading), TURN_MS)
        facing = heading
        speed = SPEED if here.distance_cm > NEAR_CM else NEAR_SPEED
        yield Step(commands.roll(min(speed, speed_cap), heading), ROLL_MS)
        there = _known(place())
        if bumps() != began:
            raise Doubt(Refused("BUMPED", "the robot bumped into something on its way"))
        x, y = there.x_cm - here.x_cm, there.y_cm - here.y_cm
        if math.hypot(x, y) >= LEAST_CM and abs(_turn(_bearing(x, y) + turned_by, heading)) > ASKEW_DEG:
            turned_by = _turn(_bearing(x, y), heading)
        here = there
    raise Doubt(Refused("TOO_LONG", "the way back took longer than a minute"))


def _known(place: Place | None) -> Place:
    if place is None:
        raise Doubt(Refused("NO_POSITION", "the robot does not report its position"))
    return place


def _bearing(x: float, y: float) -> float:
    """Direction in degrees clockwise from straight on."""
    return math.degrees(math.atan2(x, y))


def _turn(course: float, target: float) -> float:
    """The shorter way from one direction to another, -180 to 180 degrees."""
    return (target - course + 180) % 360 - 180
