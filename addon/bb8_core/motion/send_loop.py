"""Sends the queued commands one at a time, and reports the outcome of each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bb8_core.link.radio_interface import AnswerTimeout, LinkError
from bb8_core.motion.send_queue import Item, Kind, Outbox
from bb8_core.requests.acknowledgement import (
    LINK_LOST,
    NO_ANSWER,
    QUEUE_FULL,
    SENT,
    STOPPED,
    SUPERSEDED,
    TOO_LATE,
    Outcome,
    answered,
)
from bb8_core.robot.packet_framing import Command, Response

ANSWER_TIMEOUT_S = 2.5
"""A robot may take up to 2 s to answer."""
MAX_UNANSWERED = 16
"""Commands on the way at once; the robot's buffer is small."""
MAX_UNANSWERED_DRIVES = 3
"""Drives among them: a slow robot must not collect a queue of drives that it carries out later."""


class Wire(Protocol):
    """The part of Channel that the pump uses."""

    @property
    def ready(self) -> bool:
        """Whether the robot answered and is armed."""

    @property
    def open(self) -> bool:
        """Whether bytes can reach it."""

    def turn(self, urgent: Callable[[], bool]) -> AbstractAsyncContextManager[None]:
        """Wait for the turn to write, and have it; while `urgent()` holds it is the next one."""

    async def write(self, command: Command, timeout_s: float) -> asyncio.Future[Response]:
        """Write, having the turn, and return the future of the answer; LinkError."""


class Pump:
    """One task that writes; all others queue items and get the reports."""

    def __init__(
        self,
        wire: Wire,
        spacing_s: float,
        may_send: Callable[[Item], bool],
        on_write: Callable[[Item], None],
    ) -> None:
        """`may_send` is asked right before a write, and `on_write` is called."""
        self._wire = wire
        self._spacing_s = spacing_s
        self._may_send = may_send
        self._on_write = on_write
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._next_write_at = float("-inf")
        self._unanswered: Counter[Kind] = Counter()
        self.last_rtt_ms: float | None = None

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._outbox)

    def waiting(self, kind: Kind) -> bool:
        """Whether a drive, colour or tail light waits."""
        return self._outbox.waiting(kind)

    def unanswered(self, kind: Kind) -> bool:
        """Whether a command of this kind was written and is not answered yet."""
        return self._unanswered[kind] > 0

    def put(self, item: Item) -> None:
        """Queue an item; the one that it replaces is reported."""
        loser = self._outbox.put(item)
        self._wake.set()
        if loser is not None:
            loser.report(QUEUE_FULL if loser is item else SUPERSEDED)

    def drop_motion(self) -> None:
        """Forget every motion that waits: a stop came."""
        for item in self._outbox.clear_motion():
            item.report(STOPPED)

    def drop_all(self) -> None:
        """Forget everything: the link is gone and nothing old may be sent on the next one."""
        for item in self._outbox.clear():
            item.report(LINK_LOST)

    def poke(self) -> None:
        """Look again: the link's state changed."""
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            self._expire(loop.time())
            if self._writable(loop.time()):
                async with self._wire.turn(lambda: self._outbox.urgent):
                    await self._write_next(loop)
            else:
                await self._sleep_until(self._wake_time(loop.time()))

    def _expire(self, now: float) -> None:
        for late in self._outbox.expire(now):
            late.report(TOO_LATE)

    async def _write_next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Choose only now that it can be written: while we waited a stop may have come, or the link gone."""
        self._expire(loop.time())
        item = self._next(loop.time())
        if item is None:
            return
        if self._may_send(item):
            await self._transmit(item, loop)
        else:
            item.report(STOPPED)

    def _writable(self, now: float) -> bool:
        """Whether `_next` would find something: stops reach a robot that is not ready, too."""
        if not self._wire.open:
            return False
        free = self._wire.ready and now >= self._next_write_at
        free = free and self._unanswered.total() < MAX_UNANSWERED
        return self._outbox.urgent or (free and self._outbox.others(self._drives))

    @property
    def _drives(self) -> bool:
        """Whether another drive may be written now."""
        return self._unanswered[Kind.DRIVE] < MAX_UNANSWERED_DRIVES

    def _next(self, now: float) -> Item | None:
        if not self._writable(now):
            return None
        return self._outbox.take_urgent() or self._outbox.take(self._drives)

    def _wake_time(self, now: float) -> float:
        waiting = len(self._outbox) and self._wire.ready and self._next_write_at > now
        return min(self._outbox.next_expiry(), self._next_write_at if waiting else float("inf"))

    async def _sleep_until(self, when: float) -> None:
        if when == float("inf"):
            await self._wake.wait()
            return
        timer = asyncio.get_running_loop().call_at(when, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _transmit(self, item: Item, loop: asyncio.AbstractEventLoop) -> None:
        started = loop.time()
        self._next_write_at = started + self._spacing_s
        self._on_write(item)
        try:
            answer = await self._wire.write(item.command, ANSWER_TIMEOUT_S)
        except (LinkError, AnswerTimeout):
            item.report(LINK_LOST)
            return
        item.report(SENT)
        self._unanswered[item.kind] += 1
        answer.add_done_callback(lambda done: self._answered(item, done, started, loop))

    def _answered(
        self, item: Item, done: asyncio.Future[Response], started: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._unanswered[item.kind] -= 1
        self._wake.set()
        item.report(self._outcome(done, loop.time() - started))

    def _outcome(self, done: asyncio.Future[Response], rtt_s: float) -> Outcome:
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or isinstance(error, LinkError):
            return LINK_LOST
        if error is not None:
            return NO_ANSWER
        outcome = answered(done.result(), rtt_s)
        self.last_rtt_ms = outcome.rtt_ms
        return outcome
