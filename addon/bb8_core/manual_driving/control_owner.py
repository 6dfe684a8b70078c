"""Who may drive by hand: one page at a time, which others can take over from; pure."""

from __future__ import annotations

from dataclasses import dataclass

IDLE_S = 15.0
"""A driver who has not moved the robot for so long is not in the way of another one."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """An open page: its number and the name that others see."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Hold:
    """One beat of a held stick: speed 0-255, heading 0-359; each time it is taken is a new `grip`."""

    grip: int
    speed: int
    heading: int


class Lease:
    """The one place at the stick. Times are passed in (monotonic s)."""

    def __init__(self) -> None:
        """Start free."""
        self.pilot: Pilot | None = None
        self._used_at = float("-inf")

    def holder(self, now: float) -> Pilot | None:
        """Who drives; None if the place is free or its holder has been idle."""
        return self.pilot if now - self._used_at < IDLE_S else None

    def claim(self, pilot: Pilot, now: float) -> bool:
        """Drive, if no other page does; returns whether this pilot drives now."""
        if self.holder(now) not in (None, pilot):
            return False
        self.take(pilot, now)
        return True

    def take(self, pilot: Pilot, now: float) -> None:
        """Drive instead of any other page."""
        self.pilot, self._used_at = pilot, now

    def give_up(self, pilot: Pilot) -> None:
        """Leave the place, if it is this pilot's."""
        if self.pilot == pilot:
            self.pilot = None
