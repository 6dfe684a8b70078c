"""Drives without a payload: a direction as the robot sees it, at a speed and for a time set beforehand."""

from __future__ import annotations

from typing import Final

from bb8_core.motion.motion_gate import Limits
from bb8_core.publish_interface import Voice
from bb8_core.requests.acknowledgement import ACCEPTED, Report, rejected
from bb8_core.requests.payload_parsing import Drive, Steer, SteerSpeed, SteerTime

START_SPEED: Final = 80
START_MS: Final = 1000
TURN_MS: Final = 700
"""How long the robot may take to turn around on the spot."""
_DEGREES: Final = {"forward": 0, "right": 90, "back": 180, "left": 270, "turn_around": 180}


class Steering:
    """Keeps the speed and the time, and turns a direction into a drive. Belongs to the event loop."""

    def __init__(self, voice: Voice, limits: Limits) -> None:
        """Start with a slow, short drive; the options are the upper limits."""
        self._voice = voice
        self._limits = limits
        self.speed = min(START_SPEED, limits.speed_cap)
        self.ms = min(START_MS, limits.duration_cap_ms)

    def drive(self, steer: Steer, heading: int) -> Drive:
        """Return the drive of a robot that looks to `heading` (0-359)."""
        to = (heading + _DEGREES[steer.direction]) % 360
        return Drive(0, to, TURN_MS) if steer.direction == "turn_around" else Drive(self.speed, to, self.ms)

    def set(self, wish: SteerSpeed | SteerTime, report: Report) -> None:
        """Take another speed or time, if the options allow it."""
        highest = self._limits.speed_cap if isinstance(wish, SteerSpeed) else self._limits.duration_cap_ms
        if wish.value > highest:
            option = "speed_cap" if isinstance(wish, SteerSpeed) else "duration_cap_ms"
            report(rejected("BAD_VALUE", f"the option {option} allows at most {highest}"))
            return
        if isinstance(wish, SteerSpeed):
            self.speed = wish.value
        else:
            self.ms = wish.value
        self.publish()
        report(ACCEPTED)

    def publish(self) -> None:
        """Publish both."""
        self._voice.state("steer_speed", {"value": self.speed})
        self._voice.state("steer_time", {"value": self.ms})
