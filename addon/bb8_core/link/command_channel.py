"""The open connection to the robot: sends commands one at a time, and matches each answer to its command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bb8_core.link.connection_states import Cause
from bb8_core.link.packet_log import PacketLog
from bb8_core.link.pending_answers import Pending
from bb8_core.link.radio_interface import AnswerTimeout, LinkError, Peer
from bb8_core.link.write_order import Turns
from bb8_core.robot import commands, gatt_uuids
from bb8_core.robot.packet_framing import AsyncPacket, Command, Response, StreamDecoder, chunks, encode

ANSWER_TIMEOUT_S = 2.5
"""A robot may take up to 2 s to answer; an answer that comes later is ignored."""
ASK_AGAIN_S = 1.0
INSIST_S = 4.5
"""`insist` sends a command again after each second, four times at most: the first may have been lost."""


class Channel:
    """One wire after the other, each from `attach` to `detach`. Belongs to the event loop."""

    def __init__(
        self,
        on_async: Callable[[AsyncPacket, float], None],
        on_use: Callable[[], None],
        on_failure: Callable[[Cause], None],
        log: PacketLog,
    ) -> None:
        """Create it closed.

        `on_async` gets what the robot sends unasked and when it came; `on_use` is called for each command
        that keeps the robot awake, `on_failure` when the attached wire does not take a write.
        """
        self._on_async = on_async
        self._on_use = on_use
        self._on_failure = on_failure
        self._log = log
        self._peer: Peer | None = None
        self._turns = Turns()
        self._probe: asyncio.Future[Response] | None = None
        self._pending = Pending()
        self._decoder = StreamDecoder()
        self.ready = False
        """Whether the robot has answered and its own stops are armed."""
        self.last_answer = 0.0
        """When the robot last sent a packet (loop time)."""
        self.woken_at = float("inf")
        """When the robot was unlocked and woken on this wire (loop time): before, it obeys no command."""
        self._attached_at = 0.0

    @property
    def open(self) -> bool:
        """Whether bytes can reach the robot, ready or not: a stop needs no more."""
        return self._peer is not None

    @property
    def heard(self) -> bool:
        """Whether the robot has sent anything on this wire."""
        return self.open and self.last_answer >= self._attached_at

    @property
    def counters(self) -> dict[str, int]:
        """Counts since the start, for diagnosis."""
        stats = self._decoder.stats
        return {
            "late_answers": self._pending.late,
            "resyncs": stats.resyncs,
            "dropped_bytes": stats.dropped_bytes,
        }

    def attach(self, peer: Peer) -> None:
        """Write to this peer from now on."""
        self._peer = peer
        self._attached_at = asyncio.get_running_loop().time()
        self.woken_at = float("inf")
        self._decoder.reset()

    def woken(self) -> None:
        """The robot was unlocked and woken on this wire."""
        self.woken_at = asyncio.get_running_loop().time()

    def detach(self, error: LinkError) -> None:
        """Close the wire; everything that waits for an answer fails with `error`."""
        self._peer = None
        self.ready = False
        self._pending.fail_all(error)

    def turn(self, urgent: Callable[[], bool]) -> AbstractAsyncContextManager[None]:
        """Wait for the turn to write; while `urgent()` holds, it comes next."""
        return self._turns.turn(urgent)

    async def send(self, command: Command, timeout_s: float = ANSWER_TIMEOUT_S) -> asyncio.Future[Response]:
        """Wait for the turn, then `write`; LinkError if the wire was replaced meanwhile."""
        meant = self._peer
        async with self._turns.turn():
            if self._peer is not meant:
                raise LinkError(Cause.DROPPED)
            return await self.write(command, timeout_s)

    async def write(self, command: Command, timeout_s: float = ANSWER_TIMEOUT_S) -> asyncio.Future[Response]:
        """Write, having the turn; return the future of the answer (AnswerTimeout, LinkError).

        Returns when the robot's radio has acknowledged the last byte; LinkError if that failed.
        """
        seq, answer = self._pending.open(timeout_s)
        self._log.sent(command)
        try:
            await self._write(encode(command, seq))
        except LinkError:
            answer.cancel()
            raise
        if command.reset_timer:
            self._on_use()
        return answer

    async def request(self, command: Command, timeout: float = ANSWER_TIMEOUT_S) -> Response:  # noqa: ASYNC109
        """Send a command and wait for its answer; LinkError, or AnswerTimeout after `timeout` seconds."""
        return await (await self.send(command, timeout))

    async def probe(self) -> None:
        """PING the robot without keeping it awake; concurrent callers share one PING."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.ensure_future(self.request(commands.ping(reset_timer=False)))
            self._probe.add_done_callback(_retrieve)
        await asyncio.shield(self._probe)

    async def insist(
        self, command: Command, every_s: float = ASK_AGAIN_S, deadline_s: float = INSIST_S
    ) -> Response:
        """Send a command again every `every_s` seconds until any of the tries is answered.

        Raises LinkError, or AnswerTimeout after `deadline_s` seconds. Only for commands that may be repeated.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + deadline_s
        tries: set[asyncio.Future[Response]] = set()
        try:
            while (now := loop.time()) < ends:
                if now + every_s <= ends or not tries:
                    tries.add(await self.send(command))
                answer = await _first(tries, min(now + every_s, ends) - loop.time())
                if answer is not None:
                    return answer
        finally:
            for one in tries:
                one.cancel()
        raise AnswerTimeout

    async def alive(self) -> bool:
        """Whether the robot answers a PING that does not keep it awake; LinkError."""
        try:
            await self.insist(commands.ping(reset_timer=False))
        except AnswerTimeout:
            return False
        return True

    def received(self, data: bytes) -> None:
        """Take a notification."""
        now = asyncio.get_running_loop().time()
        for packet in self._decoder.feed(data, now):
            self.last_answer = now
            self._log.received(packet)
            if isinstance(packet, Response):
                self._pending.answer(packet)
            else:
                self._on_async(packet, now)

    async def _write(self, frame: bytes) -> None:
        """Write all pieces to the same peer; a failure of an old one does not concern the next one."""
        peer = self._peer
        for piece in chunks(frame):
            if peer is None or peer is not self._peer:
                raise LinkError(Cause.DROPPED)
            try:
                await peer.write(gatt_uuids.COMMANDS, piece)
            except LinkError as error:
                if peer is self._peer:
                    self._on_failure(Cause.WRITE_FAILED)
                raise LinkError(Cause.WRITE_FAILED, str(error)) from error


async def _first(tries: set[asyncio.Future[Response]], timeout_s: float) -> Response | None:
    """Return the first answer, None if there is none in time; tries that have timed out are removed."""
    done, _ = await asyncio.wait(tries, timeout=max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        try:
            return one.result()
        except AnswerTimeout:
            tries.discard(one)
    return None


def _retrieve(probe: asyncio.Future[Response]) -> None:
    """Retrieve an error that no caller waits for any more."""
    if not probe.cancelled():
        probe.exception()
