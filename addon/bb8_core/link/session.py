"""The one owner of the robot's connection: finds it, connects, keeps it, lets go, and says why."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bb8_core.link.handshake import Readiness, Wishes, prepare, wait_awake
from bb8_core.link.pending import Pending
from bb8_core.link.retry import Backoff
from bb8_core.link.states import Cause, LinkState, Status, explain
from bb8_core.link.transport import AnswerTimeout, LinkError, Peer, Radio, Sighting
from bb8_core.link.turns import Turns
from bb8_core.robot import commands, gatt
from bb8_core.robot.protocol import Command, Response, StreamDecoder, chunks, encode
from bb8_core.robot.sensors import DidSleep, Event, PreSleep, decode_async

ANSWER_TIMEOUT_S = 1.0
FRESH_S = 10.0
"""How old an advertisement may be to be worth a connection attempt."""
SILENCE_S = 15.0
"""How long the robot must not be heard until it counts as absent."""
SCANNER_SILENT_S = 90.0
"""After so long without the robot the scanner is started anew; the host's Bluetooth is left alone."""
LIVENESS_S = 20.0
LIVENESS_TRIES = 3
SLEEP_WARNING_S = 20.0
"""The robot announces its sleep 10 s ahead; a link that ends within this time ended by sleep."""

_BROKEN = frozenset({Cause.DROPPED, Cause.WRITE_FAILED, Cause.NO_ANSWER})

_log = logging.getLogger("bb8.link")


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """How the link behaves; `adapter` is for the words only."""

    keep_connected: bool = False
    idle_disconnect_s: float = 120.0
    wishes: Wishes = field(default_factory=Wishes)
    adapter: str = ""


class RobotLink:
    """Runs the connection. All methods belong to the event loop that runs `run`."""

    def __init__(
        self,
        radio: Radio,
        config: LinkConfig,
        on_status: Callable[[Status], None],
        on_event: Callable[[Event], None],
    ) -> None:
        """Wire it; nothing happens until `run`."""
        self._radio = radio
        self._config = config
        self._on_status = on_status
        self._on_event = on_event
        self._wake = asyncio.Event()
        self._unwanted: Cause | None = None
        self._sighting: Sighting | None = None
        self._backoff = Backoff()
        self._peer: Peer | None = None
        self._unclosed: Peer | None = None
        self._ended: asyncio.Future[Cause] | None = None
        self._turns = Turns()
        self._probe: asyncio.Future[Response] | None = None
        self._pending = Pending()
        self._decoder = StreamDecoder()
        self._last_answer = 0.0
        self._last_use = 0.0
        self._slept_at = float("-inf")
        self._deaf_at = 0.0
        self.status = explain(Cause.SEARCHING, config.adapter)
        self.readiness: Readiness | None = None
        self._served = False
        self.connections = 0
        self.losses = 0

    @property
    def state(self) -> LinkState:
        """The state of this moment."""
        return self.status.state

    @property
    def sighting(self) -> Sighting | None:
        """The last advertisement of the robot, or None."""
        return self._sighting

    @property
    def wire_open(self) -> bool:
        """Whether bytes can reach the robot, ready or not: a stop asks for no more."""
        return self._peer is not None

    @property
    def ready(self) -> bool:
        """Whether the robot answered and its own stops are armed."""
        return self.status.state is LinkState.READY

    @property
    def counters(self) -> dict[str, int]:
        """Counts since the start, for the diagnosis."""
        stats = self._decoder.stats
        return {
            "connections": self.connections,
            "losses": self.losses,
            "late_answers": self._pending.late,
            "resyncs": stats.resyncs,
            "dropped_bytes": stats.dropped_bytes,
        }

    def want(self) -> None:
        """Ask for a connection, now if possible; wakes a sleeping robot."""
        self._unwanted = None
        self._slept_at = float("-inf")
        self._backoff.forgive()
        self.touch()
        self._wake.set()

    def touch(self) -> None:
        """Count as used now: the idle time starts again."""
        self._last_use = asyncio.get_running_loop().time()

    def release(self, cause: Cause) -> None:
        """Let the robot go and stay away until `want`."""
        self._unwanted = cause
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(cause)
        elif self._peer is None:
            self._set(cause)

    def cut(self, cause: Cause) -> None:
        """Break the link because something is wrong with it; the robot stops by itself then."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(cause)

    def turn(self, urgent: Callable[[], bool]) -> AbstractAsyncContextManager[None]:
        """Wait for the turn to write, and have it; while `urgent()` holds it is the next one."""
        return self._turns.turn(urgent)

    async def send(self, command: Command, timeout_s: float = ANSWER_TIMEOUT_S) -> asyncio.Future[Response]:
        """Wait for the turn and `write`; what was meant for a link that has ended meanwhile is LinkError."""
        meant = self._peer
        async with self._turns.turn():
            if self._peer is not meant:
                raise LinkError(Cause.DROPPED)
            return await self.write(command, timeout_s)

    async def write(self, command: Command, timeout_s: float = ANSWER_TIMEOUT_S) -> asyncio.Future[Response]:
        """Write, for who has the turn; return the future of the answer (AnswerTimeout, LinkError).

        Returns when the last byte was acknowledged by the robot's radio; LinkError if that failed.
        """
        seq, answer = self._pending.open(timeout_s)
        try:
            await self._write(encode(command, seq))
        except LinkError:
            answer.cancel()
            raise
        if command.reset_timer:
            self.touch()
        return answer

    async def request(self, command: Command, timeout: float = ANSWER_TIMEOUT_S) -> Response:  # noqa: ASYNC109
        """Send a command and wait for its answer; LinkError, or AnswerTimeout after `timeout` seconds."""
        return await (await self.send(command, timeout))

    async def probe(self) -> None:
        """Have the robot answer a PING that does not keep it awake; all who ask meanwhile share it."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.ensure_future(self.request(commands.ping(reset_timer=False)))
            self._probe.add_done_callback(_seen)
        await asyncio.shield(self._probe)

    async def run(self) -> None:
        """Keep the connection as wanted until cancelled; then let the robot go."""
        self.touch()
        self._set(Cause.SEARCHING)
        try:
            while True:
                sighting = await self._next_sighting()
                cause = await self._connection(sighting)
                self._account(self._unwanted or cause)
        finally:
            await self._close_peer(LinkError(Cause.SHUTDOWN))
            await self._radio.stop_scan()
            self._set(Cause.SHUTDOWN)

    # Finding

    async def _next_sighting(self) -> Sighting:
        """Listen until the robot is heard, wanted, and the pause after a failure is over."""
        loop = asyncio.get_running_loop()
        self._deaf_at = loop.time() + SILENCE_S
        while True:
            now = loop.time()
            if not await self._listen():
                self._deaf_at = loop.time() + SILENCE_S
                continue
            heard = self._sighting
            pause = self._backoff.until - now
            if self._unwanted is None and heard is not None and now - heard.at < FRESH_S and pause <= 0:
                return heard
            await self._check_silence(now)
            await self._wait_wake(max(0.05, min(pause, 5.0)) if pause > 0 else 5.0)

    async def _listen(self) -> bool:
        """Have the scanner run; after a failure say why, pause, and return False."""
        try:
            await self._radio.start_scan(self._heard)
        except LinkError as error:
            _log.debug("scan: %s", error)
            self._backoff.fail(error.cause)
            self._set(error.cause)
            await self._wait_wake(self._backoff.pause_s)
            return False
        if self.state is LinkState.ADAPTER_OFF:
            self._backoff.succeed()
            self._set(self._unwanted or Cause.SEARCHING)
        return True

    def _heard(self, sighting: Sighting) -> None:
        self._sighting = sighting
        if self._unwanted is None:
            self._wake.set()

    async def _check_silence(self, now: float) -> None:
        """Say when the robot is absent; start the scanner anew at once: the adapter may be deaf."""
        heard_at = self._sighting.at if self._sighting else float("-inf")
        if now < max(self._deaf_at, heard_at + SILENCE_S):
            return
        if self._unwanted is None:
            self._set(Cause.SILENT if self._sighting else Cause.NEVER_SEEN)
        await self._radio.stop_scan()
        self._deaf_at = now + SCANNER_SILENT_S
        self._wake.set()

    async def _wait_wake(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        self._wake.clear()

    # One connection

    async def _connection(self, sighting: Sighting) -> Cause:
        """Connect, serve, and return why it ended; the state is set on the way."""
        self._set(Cause.FOUND)
        await self._radio.stop_scan()
        self._ended = asyncio.get_running_loop().create_future()
        ended = self._ended
        try:
            self._unclosed = await self._radio.connect(sighting, lambda: self._dropped(ended))
            self._peer = self._unclosed
            serving = asyncio.ensure_future(self._serve())
            try:
                await asyncio.wait((serving, ended), return_when=asyncio.FIRST_COMPLETED)
                cause = ended.result() if ended.done() else serving.result()
            finally:
                await _cancel(serving)
        except LinkError as error:
            _log.info("%s (%s, %d dBm): %s", sighting.name, sighting.address, sighting.rssi, error)
            cause = ended.result() if ended.done() else error.cause
        finally:
            self._ended = None
        cause = self._settle(cause)
        await self._close_peer(LinkError(cause))
        return cause

    async def _serve(self) -> Cause:
        """Wake the robot, arm it, and watch over the link until it should end."""
        peer = self._peer
        if peer is None:
            return Cause.DROPPED
        self._set(Cause.LINK_UP)
        self._decoder.reset()
        await peer.subscribe(self._received)
        for characteristic, value in (
            (gatt.ANTI_DOS, gatt.ANTI_DOS_KEY),
            (gatt.TX_POWER, gatt.TX_POWER_MAX),
            (gatt.WAKE, gatt.WAKE_UP),
        ):
            await peer.write(characteristic, value)
        await wait_awake(self.request)
        self.readiness = await prepare(self.request, self._config.wishes)
        self.connections += 1
        self._served = True
        self._backoff.succeed()
        self.touch()
        self._set(Cause.ANSWERED)
        return await self._watch()

    async def _watch(self) -> Cause:
        """Probe a quiet link and end an idle one."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            idle_at = (
                float("inf")
                if self._config.keep_connected
                else self._last_use + self._config.idle_disconnect_s
            )
            probe_at = self._last_answer + LIVENESS_S
            if now >= idle_at:
                self._unwanted = Cause.IDLE
                return Cause.IDLE
            if now >= probe_at and not await self._alive():
                return Cause.NO_ANSWER
            if now < probe_at:
                await asyncio.sleep(min(idle_at, probe_at) - now + 0.001)

    async def _alive(self) -> bool:
        """Ask for a sign of life that does not keep the robot awake."""
        for _ in range(LIVENESS_TRIES):
            with contextlib.suppress(AnswerTimeout):
                await self.request(commands.ping(reset_timer=False))
                return True
        return False

    async def _write(self, frame: bytes) -> None:
        """Write all pieces to the one robot; how an old link fails does not concern the next one."""
        peer = self._peer
        for piece in chunks(frame):
            if peer is None or peer is not self._peer:
                raise LinkError(Cause.DROPPED)
            try:
                await peer.write(gatt.COMMANDS, piece)
            except LinkError as error:
                if peer is self._peer:
                    self.cut(Cause.WRITE_FAILED)
                raise LinkError(Cause.WRITE_FAILED, str(error)) from error

    def _received(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        for packet in self._decoder.feed(data, now):
            self._last_answer = now
            if isinstance(packet, Response):
                self._pending.answer(packet)
            else:
                self._event(decode_async(packet, None), now)

    def _event(self, event: Event, now: float) -> None:
        if isinstance(event, PreSleep | DidSleep):
            self._slept_at = now
        self._on_event(event)
        if isinstance(event, DidSleep):
            self.release(Cause.SLEEP_REPORTED)

    def _dropped(self, ended: asyncio.Future[Cause]) -> None:
        """The radio says that the link is gone; told to everybody at once, before anything else runs."""
        if ended.done():
            return
        ended.set_result(Cause.DROPPED)
        if self._ended is ended:
            self._peer = None
            self._pending.fail_all(LinkError(Cause.DROPPED))
            self._set(self._settle(Cause.DROPPED))

    def _settle(self, cause: Cause) -> Cause:
        """A link that broke as the robot fell asleep, or while somebody let it go, is no loss."""
        slept = asyncio.get_running_loop().time() - self._slept_at < SLEEP_WARNING_S
        if cause in _BROKEN and slept and self._unwanted is None:
            self._unwanted = Cause.SLEEP_REPORTED
        return self._unwanted or cause

    async def _close_peer(self, error: LinkError) -> None:
        """End the link and close the client even if the link broke: BlueZ serves it until then."""
        peer, self._unclosed, self._peer = self._unclosed, None, None
        self.readiness = None
        self._set(error.cause)
        self._pending.fail_all(error)
        if peer is not None:
            await peer.disconnect()

    def _account(self, cause: Cause) -> None:
        """Count an ended connection, and pause before the next attempt where it failed."""
        if explain(cause).state in {LinkState.RELEASED, LinkState.ASLEEP}:
            self._backoff.succeed()
            self._served = False
            self._sighting = None if cause is Cause.SLEEP_COMMANDED else self._sighting
            return
        self.losses += self._served
        self._served = False
        self._backoff.fail(cause)
        self._set(self._backoff.blame(cause))

    def _set(self, cause: Cause) -> None:
        status = explain(cause, self._config.adapter)
        if status == self.status:
            return
        self.status = status
        _log.info("link %s: %s", status.state, status.reason)
        self._on_status(status)


async def _cancel(task: asyncio.Future[Cause]) -> None:
    """Cancel and collect a task whose outcome is known or does not matter any more."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()


def _seen(probe: asyncio.Future[Response]) -> None:
    """Mark an error as seen: whoever asked may have gone meanwhile."""
    if not probe.cancelled():
        probe.exception()
