"""The body of the simulated robot: where it is, where it heads, how it moves, what it hits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MM_PER_SPEED: Final = 8.0
"""Millimetres a second for each unit of the drive speed: 255 is two metres a second."""
ACCELERATION_MM_S2: Final = 2000.0
BRAKING_MM_S2: Final = 4000.0
TURN_UNIT_DEG_S: Final = 0.784
RADIUS_MM: Final = 57.0
STEP_S: Final = 0.01
SAME_COURSE_DEG: Final = 1e-6
_RAW_TURN_DEG_S: Final = 2.0


class Impact(NamedTuple):
    """A hit: when, against a wall across which axis, at what speed in mm/s."""

    at: float
    axis_x: bool
    speed_mm_s: float


@dataclass(slots=True)
class Body:
    """Position in mm (y is straight ahead of heading 0), heading in degrees clockwise, speed in mm/s.

    The room is a square from -`room_mm` to +`room_mm` around where the robot woke up first.
    """

    room_mm: float = 3000.0
    now: float = 0.0
    x_mm: float = 0.0
    y_mm: float = 0.0
    course: float = 0.0
    zero: float = 0.0
    speed_mm_s: float = 0.0
    odometer_mm: float = 0.0
    target_mm_s: float = 0.0
    target_course: float = 0.0
    turn_deg_s: float = 0.0
    max_turn_deg_s: float = 255 * TURN_UNIT_DEG_S
    balancing: bool = True
    held: bool = False
    impacts: list[Impact] = field(default_factory=list)

    @property
    def heading(self) -> int:
        """Direction in whole degrees 0-359, counted from the zero that was last declared."""
        return round(self.course - self.zero) % 360

    @property
    def velocity(self) -> tuple[float, float]:
        """Speed along x and y in mm/s."""
        angle = math.radians(self.course)
        return (self.speed_mm_s * math.sin(angle), self.speed_mm_s * math.cos(angle))

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves or is about to."""
        return (
            self.speed_mm_s == 0
            and self.target_mm_s == 0
            and self.turn_deg_s == 0
            and abs(_turn(self.course, self.target_course)) < SAME_COURSE_DEG
        )

    def declare_heading(self, degrees: int) -> None:
        """Call the present direction `degrees`."""
        self.zero = self.course - degrees
        self.target_course = self.course

    def drive(self, speed: int, heading: int) -> None:
        """Aim for a speed of 0-255 and a heading of 0-359 degrees."""
        self.turn_deg_s = 0.0
        self.target_mm_s = speed * MM_PER_SPEED
        self.target_course = heading + self.zero

    def brake(self) -> None:
        """Brake, in the present direction."""
        self.turn_deg_s = 0.0
        self.target_mm_s = 0.0
        self.target_course = self.course

    def push(self, left: int, right: int) -> None:
        """Let the motors push with -255 to 255 each."""
        self.target_mm_s = (left + right) / 2 * MM_PER_SPEED
        self.turn_deg_s = (left - right) * _RAW_TURN_DEG_S
        self.target_course = self.course

    def advance(self, now: float) -> None:
        """Move on to the time `now`."""
        while not (rests := self.at_rest) and now - self.now > STEP_S / 2:
            self._step(min(STEP_S, now - self.now))
        if rests:
            self.now = max(self.now, now)

    def _step(self, dt: float) -> None:
        self.now += dt
        if self.turn_deg_s:
            self.course = self.target_course = self.course + self.turn_deg_s * dt
        else:
            limit = self.max_turn_deg_s * dt
            self.course += max(-limit, min(limit, _turn(self.course, self.target_course)))
        rate = BRAKING_MM_S2 if abs(self.target_mm_s) < abs(self.speed_mm_s) else ACCELERATION_MM_S2
        change = self.target_mm_s - self.speed_mm_s
        self.speed_mm_s += max(-rate * dt, min(rate * dt, change))
        if not self.held:
            self._travel(dt)

    def _travel(self, dt: float) -> None:
        vx, vy = self.velocity
        before = (self.x_mm, self.y_mm)
        self.x_mm, hit_x = self._within_walls(self.x_mm + vx * dt)
        self.y_mm, hit_y = self._within_walls(self.y_mm + vy * dt)
        self.odometer_mm += math.dist(before, (self.x_mm, self.y_mm))
        if hit_x or hit_y:
            self.impacts.append(Impact(self.now, hit_x, abs(self.speed_mm_s)))
            self.speed_mm_s = 0.0

    def _within_walls(self, position: float) -> tuple[float, bool]:
        limit = self.room_mm - RADIUS_MM
        return (max(-limit, min(limit, position)), abs(position) > limit)


def _turn(course: float, target: float) -> float:
    """Return the shorter way from one direction to another, -180 to 180 degrees."""
    return (target - course + 180) % 360 - 180
