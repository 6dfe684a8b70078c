"""Where a scene would drive, by the physics of the simulated robot; nothing real moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bb8_core.robot import commands
from bb8_core.robot.gesture_steps import Step
from bb8_core.robot.packet_framing import Command
from bb8_core.routines.scene_reader import Scene
from bb8_core.routines.scene_steps import steps_of
from bb8_core.simulator.physics import Body

SAMPLE_S: Final = 0.1
OPEN_MM: Final = 1e9
"""A room without walls."""
BRAKE_MS: Final = 1000
MAX_POINTS: Final = 2000
_ROLL: Final = commands.stop().key
_RAW: Final = commands.motors_off().key


@dataclass(frozen=True, slots=True)
class Preview:
    """The way in cm from where the robot is, x to the right and y to heading zero, and how long it takes."""

    points: tuple[tuple[float, float], ...]
    seconds: float


def preview(scene: Scene, heading: int, speed_cap: int) -> Preview:
    """Play a scene on a simulated body that looks to `heading` (0-359)."""
    body = Body(room_mm=OPEN_MM)
    body.course = body.target_course = float(heading)
    points, now = [(0.0, 0.0)], 0.0
    for step in (*steps_of(scene, heading, speed_cap), Step(commands.stop(heading), BRAKE_MS)):
        _command(body, step.command)
        ends = now + step.hold_ms / 1000
        while now < ends:
            now = min(ends, now + SAMPLE_S)
            body.advance(now)
            here = (round(body.x_mm / 10, 1), round(body.y_mm / 10, 1))
            if here != points[-1] and len(points) < MAX_POINTS:
                points.append(here)
    return Preview(tuple(points), round(now, 1))


def _command(body: Body, command: Command) -> None:
    """Do what the firmware does with the commands of steps; lights do nothing here."""
    if command.key == _ROLL and command.is_stop:
        body.brake()
    elif command.key == _ROLL:
        body.drive(command.data[0], int.from_bytes(command.data[1:3], "big"))
    elif command.key == _RAW:
        left, right = (_power(*command.data[at : at + 2]) for at in (0, 2))
        body.push(left, right)


def _power(mode: int, power: int) -> int:
    return power if mode == 1 else -power if mode == 2 else 0
