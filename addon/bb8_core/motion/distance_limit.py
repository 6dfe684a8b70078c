"""Stops the robot at a distance from its start, measured by its own locator.

The locator counts from where the robot woke up, or from where a person pressed "Start again here". Carrying
the robot does not change it, because only the motors count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bb8_core.motion.motion_gate import Refused

FRESH_S = 0.6
"""The robot sends eight positions a second; after this time without one it is not known where it is."""
LOOK_AHEAD_S = 0.3
"""How far ahead a robot is stopped: the age of a position, the stop's way to the robot, and braking."""
JUMP_CM = 100.0
"""Farther than the robot rolls between two positions."""
UNKNOWN = "NO_POSITION"


@dataclass(frozen=True, slots=True)
class Place:
    """A position in cm, x to the right and y straight on, the speed (cm/s) away from the start, and when."""

    x_cm: float
    y_cm: float
    outward_cm_s: float
    at: float

    @property
    def distance_cm(self) -> float:
        """How far from the start."""
        return math.hypot(self.x_cm, self.y_cm)


class Whereabouts:
    """Keeps the newest position. Times are passed in (loop time, s)."""

    def __init__(self, limit_m: float = 0.0) -> None:
        """Allow at most `limit_m` metres from the start; 0 sets no limit."""
        self.limit_cm = limit_m * 100
        self.bumps = 0
        """How many bumps were reported."""
        self._place: Place | None = None

    @property
    def limited(self) -> bool:
        """Whether there is a limit, so that the position has to be known."""
        return self.limit_cm > 0

    def lost(self) -> None:
        """The link has ended, or the robot counts from a new start."""
        self._place = None

    def moved(self, x_cm: float, y_cm: float, now: float) -> None:
        """Take a position; one that is too far from the last for a drive is not trusted at first."""
        last, here = self._place, Place(x_cm, y_cm, 0.0, now)
        if last is not None and math.dist((x_cm, y_cm), (last.x_cm, last.y_cm)) > JUMP_CM:
            self._place = None
        elif last is not None and now > last.at:
            speed = (here.distance_cm - last.distance_cm) / (now - last.at)
            self._place = Place(x_cm, y_cm, speed, now)
        else:
            self._place = here

    def place(self, now: float) -> Place | None:
        """The position, or None if it is not known."""
        return self._place if self._place is not None and now - self._place.at <= FRESH_S else None

    def refusal(self, now: float, *, homeward: bool = False) -> Refused | None:
        """Return why the limit allows no motion, or None; on the way home only an unknown place."""
        if not self.limited:
            return None
        place = self.place(now)
        if place is None:
            return Refused(UNKNOWN, "the robot does not report its position, and a distance limit is set")
        if place.distance_cm < self.limit_cm or homeward:
            return None
        return Refused(
            "TOO_FAR",
            f"the robot is {place.distance_cm / 100:.1f} m from its start, and the option distance_limit_m "
            f"allows {self.limit_cm / 100:.1f} m; press Return to start, or Start again here on the page",
        )

    def must_stop(self, now: float, *, homeward: bool = False) -> bool:
        """Whether a robot that moves has to be stopped: at the limit, or because its position is unknown."""
        if not self.limited:
            return False
        place = self.place(now)
        if place is None or homeward:
            return place is None
        return place.distance_cm + max(0.0, place.outward_cm_s) * LOOK_AHEAD_S >= self.limit_cm
