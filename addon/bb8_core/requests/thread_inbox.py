"""Carries commands from the broker's thread to the event loop, stops first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from bb8_core.requests.payload_parsing import stops_regardless
from bb8_core.requests.refuse_or_accept import RawCommand

MAX_WAITING = 1000
"""Commands that may wait for the loop; of a longer flood the oldest are dropped and counted."""
BROKER_QUEUE = 1000
"""What a broker keeps for a slow client by default; mosquitto drops every message beyond it, silently."""
RUSH_S = 1.0
"""Seconds in which so many messages make a rush."""
BATCH = 32
"""Commands taken in one go before the loop may do something else."""


class Rush:
    """Counts messages: so many within `RUSH_S` that the broker may have dropped some before us are a rush."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=BROKER_QUEUE)

    def arrived(self, at: float) -> bool:
        """Count a message that came then (monotonic s); returns whether it is one of a rush."""
        self._arrivals.append(at)
        return len(self._arrivals) == BROKER_QUEUE and at - self._arrivals[0] < RUSH_S


class Inbox:
    """A thread-safe queue that delivers stops first; the functions are called on the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        take: Callable[[RawCommand], None],
        flooded: Callable[[int], None],
        rushed: Callable[[], None],
    ) -> None:
        """Deliver to `take` on `loop`; `flooded` gets the number of dropped commands.

        `rushed` is called when messages come so fast that the broker may have dropped some before us.
        """
        self._loop = loop
        self._take = take
        self._flooded = flooded
        self._rushed = rushed
        self._stops: deque[Callable[[], None]] = deque()
        self._others: deque[Callable[[], None]] = deque(maxlen=MAX_WAITING)
        self._count = Rush()
        self._rush = False
        self._scheduled = False
        self._dropped = 0
        self._told = 0

    def put(self, raw: RawCommand) -> None:
        """Queue a command; callable from any thread, in the order of arrival per kind."""
        take = partial(self._take, raw)
        if stops_regardless(raw.cmd) is not None:
            self.urge(take)
        else:
            self._dropped += len(self._others) == MAX_WAITING
            self._others.append(take)
            self._schedule()

    def urge(self, stop: Callable[[], None]) -> None:
        """Queue something else that stops, ahead of all commands that move."""
        self._stops.append(stop)
        self._schedule()

    def arrived(self, at: float) -> None:
        """Count a message of the connection that carries the commands, whether it is a command or not."""
        if self._count.arrived(at):
            self._rush = True
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._scheduled = False
        if self._dropped != self._told:
            self._told = self._dropped
            self._flooded(self._told)
        if self._rush:
            self._rush = False
            self._rushed()
        try:
            self._deliver()
        finally:  # an error in one command must not keep a stop behind it waiting
            if (self._stops or self._others) and not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._drain)

    def _deliver(self) -> None:
        for _ in range(BATCH):
            queue = self._stops or self._others
            if not queue:
                return
            queue.popleft()()
