"""How long to wait before the next attempt, and the likely cause of repeated failures; no I/O."""

from __future__ import annotations

import asyncio
from typing import Final

from bb8_core.link.connection_states import Cause

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 30.0
BUSY_FIRST_PAUSE_S: Final = 2.0
"""BlueZ returns InProgress while another program uses the adapter: hurrying makes it worse."""
REFUSALS_TO_BLAME: Final = 3

_SLOW: Final = frozenset(
    {
        Cause.RADIO_BUSY,
        Cause.ADAPTER_OFF,
        Cause.NO_ADAPTER,
        Cause.NO_BLUETOOTH,
        Cause.NO_PERMISSION,
        Cause.NOT_A_BB8,
    }
)
_CLOSED_DOOR: Final = frozenset(
    {Cause.CONNECT_ABORTED, Cause.CONNECT_TIMEOUT, Cause.CONNECT_FAILED, Cause.REFUSED}
)


def pause_s(failures: int, cause: Cause) -> float:
    """Seconds before attempt number `failures` + 1: doubled each time, at most 30."""
    first = BUSY_FIRST_PAUSE_S if cause in _SLOW else FIRST_PAUSE_S
    return min(LONGEST_PAUSE_S, first * 2.0 ** (max(failures, 1) - 1))


class Backoff:
    """Counts failures in a row and returns until when to wait (monotonic seconds of the loop)."""

    __slots__ = ("_closed", "_failures", "pause_s", "until")

    def __init__(self) -> None:
        """Start without a pause."""
        self._failures = 0
        self._closed = 0
        self.pause_s = 0.0
        self.until = 0.0

    def fail(self, cause: Cause) -> None:
        """Note a failure."""
        self._failures = min(self._failures + 1, 32)
        self._closed = self._closed + 1 if cause in _CLOSED_DOOR else 0
        self.pause_s = pause_s(self._failures, cause)
        self.until = asyncio.get_running_loop().time() + self.pause_s

    def blame(self, cause: Cause) -> Cause:
        """A robot that advertises but refuses several connections in a row is connected to another device."""
        return Cause.REFUSED if self._closed >= REFUSALS_TO_BLAME else cause

    def succeed(self) -> None:
        """Forget every failure."""
        self._failures = self._closed = 0
        self.forgive()

    def forgive(self) -> None:
        """Try again at once, because the user asked for it."""
        self.pause_s = self.until = 0.0
