"""Chooses the radio that hears the robot best; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bb8_core.link.radio_interface import Sighting

FRESH_S: Final = 5.0
"""A radio that has not heard the robot for so long is not chosen."""
SMOOTHING: Final = 0.3
"""Weight of a new reading: single readings vary by 10 dB where nothing moves."""
FAILURE_DB: Final = 20.0
"""A radio that could not connect counts as so much weaker, for each failure in a row."""
FORGET_FAILURES_S: Final = 60.0
NO_SLOT_DB: Final = 100.0
"""A radio without a free connection is chosen only if no other hears the robot."""


@dataclass(frozen=True, slots=True)
class Reception:
    """How one radio hears the robot, and how its last connection attempts went."""

    sighting: Sighting | None = None
    level_dbm: float = -127.0
    failures: int = 0
    failed_at: float = float("-inf")

    def hear(self, sighting: Sighting) -> Reception:
        """Add an advertisement; the first one after a silence counts in full."""
        level = float(sighting.rssi)
        if self.sighting is not None and sighting.at - self.sighting.at < FRESH_S:
            level = self.level_dbm + SMOOTHING * (level - self.level_dbm)
        return replace(self, sighting=sighting, level_dbm=level)

    def fail(self, now: float) -> Reception:
        """Note a connection attempt that failed."""
        return replace(self, failures=self._recent_failures(now) + 1, failed_at=now)

    def succeed(self) -> Reception:
        """Forget the failures."""
        return replace(self, failures=0)

    def score_db(self, now: float, free: bool) -> float:
        """How good this radio is; minus infinity if it does not hear the robot now."""
        if self.sighting is None or now - self.sighting.at >= FRESH_S:
            return float("-inf")
        return self.level_dbm - FAILURE_DB * self._recent_failures(now) - (0.0 if free else NO_SLOT_DB)

    def _recent_failures(self, now: float) -> int:
        return self.failures if now - self.failed_at < FORGET_FAILURES_S else 0


def best(scores: Sequence[float]) -> int | None:
    """The index of the best radio, the first one of equals; None if no radio hears the robot."""
    if not scores or max(scores) == float("-inf"):
        return None
    return scores.index(max(scores))
