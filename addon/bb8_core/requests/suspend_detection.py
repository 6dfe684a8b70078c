"""Notices that the process stood still: stopped by a signal, paused with its container, or suspended.

How long a message has waited cannot be known after that, so nothing that arrives then is obeyed, stops
excepted.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BEAT_S = 0.1
LIMIT_S = 0.75
"""A longer gap between two beats means that the process was paused."""
QUARANTINE_S = 2.0
"""For this long after a pause the broker may still deliver what it kept."""


def now() -> float:
    """Seconds of a clock that continues while the machine is suspended, if there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Standstill:
    """Takes a beat from the event loop ten times a second; `recent` may be asked from any thread."""

    def __init__(self, clock: Callable[[], float] = now) -> None:
        """Start with a beat."""
        self._clock = clock
        self._last_beat = clock()
        self._until = float("-inf")

    def beat(self) -> bool:
        """Take a beat; returns whether the process stood still since the last one."""
        now, last = self._clock(), self._last_beat
        stood_still = now - last > LIMIT_S
        if stood_still:
            self._until = now + QUARANTINE_S
        self._last_beat = now
        return stood_still

    def recent(self) -> bool:
        """Whether what arrives now may have waited while the process stood still."""
        now = self._clock()
        return now - self._last_beat > LIMIT_S or now < self._until
