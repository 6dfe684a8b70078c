"""The one owner of the robot's connection: connects if it is wanted, keeps it, ends it, reports its state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from bb8_core.guard.guard_interface import Guardian, SameFate
from bb8_core.link.after_connect import Readiness, Wishes, prepare, wait_awake
from bb8_core.link.command_channel import Channel
from bb8_core.link.connection_states import Cause, LinkState, Status, explain
from bb8_core.link.keepalive import watch
from bb8_core.link.packet_log import PacketLog
from bb8_core.link.radio_interface import LinkError, Peer, Radio, Sighting
from bb8_core.link.robot_search import Search
from bb8_core.robot import gatt_uuids
from bb8_core.robot.async_messages import DidSleep, Event, PreSleep, StreamConfig, decode_async
from bb8_core.robot.packet_framing import AsyncPacket

SLEEP_WARNING_S = 20.0
"""The robot announces its sleep 10 s ahead; a link that ends within this time ended by sleep."""

_BROKEN = frozenset({Cause.DROPPED, Cause.WRITE_FAILED, Cause.NO_ANSWER})

_log = logging.getLogger("bb8.link")


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """How the link behaves; `adapter` is only named in messages."""

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
        guard: Guardian | None = None,
    ) -> None:
        """Create it; nothing happens until `run`. Without a `guard` the robot ends with this process."""
        self._radio = radio
        self._config = config
        self._on_status = on_status
        self._on_event = on_event
        self._unwanted: Cause | None = None
        self._unclosed: Peer | None = None
        self._ended: asyncio.Future[Cause] | None = None
        self._last_use = 0.0
        self._slept_at = float("-inf")
        self._served = False
        self.guard = guard or SameFate()
        self.packets = PacketLog()
        self.channel = Channel(self._async_packet, self.touch, self.cut, self.packets)
        self.stream: StreamConfig | None = None
        """The sensor stream that the robot has confirmed."""
        self.search = Search(radio, lambda: self._unwanted is None, self._not_found)
        self.status = explain(Cause.SEARCHING, config.adapter)
        self.readiness: Readiness | None = None
        self.through = ""
        """The Bluetooth proxy of the last connection attempt; empty for the host's adapter."""
        self.connections = 0
        self.losses = 0

    @property
    def ready(self) -> bool:
        """Whether the robot has answered and its own stops are armed."""
        return self.status.state is LinkState.READY

    @property
    def stoppable(self) -> bool:
        """Whether something outside this process can stop the robot: its firmware, or the guard."""
        ready = self.readiness
        if ready is None:
            return False
        return ready.motion_timeout_ms > 0 or (ready.stop_on_disconnect and self.guard.armed)

    @property
    def counters(self) -> dict[str, int]:
        """Counts since the start, for diagnosis."""
        return {"connections": self.connections, "losses": self.losses, **self.channel.counters}

    def want(self) -> None:
        """Ask for a connection, now if possible; wakes a sleeping robot."""
        self._unwanted = None
        self._slept_at = float("-inf")
        self.touch()
        self.search.hurry()

    def touch(self) -> None:
        """Restart the idle time."""
        self._last_use = asyncio.get_running_loop().time()

    def release(self, cause: Cause) -> None:
        """Disconnect and stay disconnected until `want`."""
        self._unwanted = cause
        self.cut(cause)
        if not self.channel.open:
            self._set(cause)

    def cut(self, cause: Cause) -> None:
        """Break the link because something is wrong with it; the robot stops by itself then."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(cause)

    async def run(self) -> None:
        """Keep the connection as wanted until cancelled; then disconnect."""
        self.touch()
        self._set(Cause.SEARCHING)
        try:
            while True:
                sighting = await self.search.next_sighting()
                cause = await self._connection(sighting)
                self._account(self._unwanted or cause)
        finally:
            await self._close_peer(LinkError(Cause.SHUTDOWN))
            await self._radio.stop_scan()
            self._set(Cause.SHUTDOWN)

    async def _connection(self, sighting: Sighting) -> Cause:
        """Connect, serve, and return why it ended; the state is set on the way."""
        self.through = sighting.through
        self._set(Cause.FOUND)
        await self._radio.stop_scan()
        if self._unwanted is not None:  # a person let the robot go while the scan ended
            return self._unwanted
        ended = self._ended = asyncio.get_running_loop().create_future()
        try:
            connecting = self._radio.connect(sighting, lambda: self._dropped(ended))
            self._unclosed = await _connected(connecting, ended)
            self.channel.attach(self._unclosed)
            self.guard.watch(self._unclosed.path)
            cause = await _unless(ended, self._serve(self._unclosed))
        except LinkError as error:
            _log.info("%s (%s, %d dBm): %s", sighting.name, sighting.address, sighting.rssi, error)
            cause = ended.result() if ended.done() else error.cause
        finally:
            self._ended = None
        cause = self._settle(cause)
        await self._close_peer(LinkError(cause))
        return cause

    async def _serve(self, peer: Peer) -> Cause:
        """Wake the robot, arm it, and watch the link until it should end."""
        self._set(Cause.LINK_UP)
        await peer.subscribe(self.channel.received)
        for characteristic, value in (
            (gatt_uuids.ANTI_DOS, gatt_uuids.ANTI_DOS_KEY),
            (gatt_uuids.TX_POWER, gatt_uuids.TX_POWER_MAX),
            (gatt_uuids.WAKE, gatt_uuids.WAKE_UP),
        ):
            await peer.write(characteristic, value)
        self.channel.woken()
        await wait_awake(self.channel.insist)
        self.readiness = await prepare(self.channel.insist, self._config.wishes)
        self.connections += 1
        self._served = True
        self.search.backoff.succeed()
        self.touch()
        self._set(Cause.ANSWERED)
        cause = await watch(self.channel, lambda: self._idle_at)
        self._unwanted = self._unwanted or (cause if cause is Cause.IDLE else None)
        return cause

    @property
    def _idle_at(self) -> float:
        keep = self._config.keep_connected
        return float("inf") if keep else self._last_use + self._config.idle_disconnect_s

    def _async_packet(self, packet: AsyncPacket, now: float) -> None:
        event = decode_async(packet, self.stream)
        if isinstance(event, PreSleep | DidSleep):
            self._slept_at = now
        self._on_event(event)
        if isinstance(event, DidSleep):
            self.release(Cause.SLEEP_REPORTED)

    def _dropped(self, ended: asyncio.Future[Cause]) -> None:
        """The radio reports that the link is gone; everybody learns it before anything else runs."""
        if ended.done():
            return
        ended.set_result(Cause.DROPPED)
        if self._ended is ended:
            self.channel.detach(LinkError(Cause.DROPPED))
            self._set(self._settle(Cause.DROPPED))

    def _settle(self, cause: Cause) -> Cause:
        """A link that broke as the robot fell asleep, or during a disconnect, is not a failure."""
        slept = asyncio.get_running_loop().time() - self._slept_at < SLEEP_WARNING_S
        if cause in _BROKEN and slept and self._unwanted is None:
            self._unwanted = Cause.SLEEP_REPORTED
        return self._unwanted or cause

    async def _close_peer(self, error: LinkError) -> None:
        """End the link and close the client even if the link broke: BlueZ serves it until then."""
        peer, self._unclosed = self._unclosed, None
        self.readiness = None
        self.channel.detach(error)
        self._set(error.cause)
        if peer is not None:
            end = self.guard.forget if await peer.disconnect() else self.guard.cut
            end()

    def _account(self, cause: Cause) -> None:
        """Count an ended connection, and pause before the next attempt if it failed."""
        if explain(cause).state in {LinkState.RELEASED, LinkState.ASLEEP}:
            self.search.backoff.succeed()
            self._served = False
            if cause is Cause.SLEEP_COMMANDED:
                self.search.sighting = None
            return
        self.losses += self._served
        self._served = False
        self.search.backoff.fail(cause)
        self._set(self.search.backoff.blame(cause))

    def _not_found(self, cause: Cause) -> None:
        """The search reports; once the adapter works again, what was released stays released."""
        self._set((self._unwanted or cause) if cause is Cause.SEARCHING else cause)

    def _set(self, cause: Cause) -> None:
        status = explain(cause, self._config.adapter, self.through)
        if status == self.status:
            return
        self.status = status
        self.channel.ready = self.ready
        _log.info("link %s: %s", status.state, status.reason)
        self._on_status(status)


async def _connected(connect: Coroutine[Any, Any, Peer], ended: asyncio.Future[Cause]) -> Peer:
    """Return the connection; LinkError at once if it is not wanted any more."""
    connecting = asyncio.ensure_future(connect)
    try:
        await asyncio.wait((connecting, ended), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await _cancel(connecting)
        if not connecting.cancelled() and connecting.exception() is None:
            await connecting.result().disconnect()
        raise
    await _cancel(connecting)
    if connecting.cancelled():
        raise LinkError(ended.result())
    return connecting.result()


async def _unless(ended: asyncio.Future[Cause], work: Coroutine[Any, Any, Cause]) -> Cause:
    """Return the result of `work`, or that of `ended`, whichever comes first; LinkError of `work`."""
    serving = asyncio.ensure_future(work)
    try:
        await asyncio.wait((serving, ended), return_when=asyncio.FIRST_COMPLETED)
        return ended.result() if ended.done() else serving.result()
    finally:
        await _cancel(serving)


async def _cancel(task: asyncio.Future[Any]) -> None:
    """Cancel a task and collect its result, which no longer matters."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()
