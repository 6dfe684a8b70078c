"""Carries commands from the broker's thread to the event loop, stops first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bb8_core.bridge.desk import Raw
from bb8_core.bridge.intents import stops_regardless

MAX_WAITING = 1000
"""Commands that may wait for the loop; of a longer flood the oldest are dropped and counted."""
BATCH = 32
"""Commands taken in one go before the loop may do something else."""


class Inbox:
    """A thread-safe queue with a lane for stops; both functions are called on the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, take: Callable[[Raw], None], flooded: Callable[[int], None]
    ) -> None:
        """Deliver to `take` on `loop`, and tell `flooded` how many were dropped in all."""
        self._loop = loop
        self._take = take
        self._flooded = flooded
        self._stops: deque[Raw] = deque()
        self._others: deque[Raw] = deque(maxlen=MAX_WAITING)
        self._scheduled = False
        self._dropped = 0
        self._told = 0

    def put(self, raw: Raw) -> None:
        """Queue a command; callable from any thread, in the order of arrival per lane."""
        if stops_regardless(raw.cmd) is not None:
            self._stops.append(raw)
        else:
            self._dropped += len(self._others) == MAX_WAITING
            self._others.append(raw)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._scheduled = False
        if self._dropped != self._told:
            self._told = self._dropped
            self._flooded(self._told)
        for _ in range(BATCH):
            lane = self._stops or self._others
            if not lane:
                return
            self._take(lane.popleft())
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)
