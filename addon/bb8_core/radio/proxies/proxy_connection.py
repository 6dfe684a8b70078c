"""The connection to one Bluetooth proxy: an ESPHome node that is spoken to with its native API.

A node serves one subscriber of advertisements. That subscriber also gets the answers of the robots, and the
node ends its Bluetooth connections when the subscriber is gone (esphome, bluetooth_proxy.cpp). So the
subscription lasts as long as the API connection.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from bb8_core.radio.proxies.proxy_address import ProxyAddress
from bb8_core.radio.proxies.proxy_errors import NotAProxy, state_of
from bb8_core.radio.proxies.proxy_states import ProxyState, ProxyStatus, explain_proxy

if TYPE_CHECKING:
    from aioesphomeapi.client import APIClient

OPEN_DEADLINE_S: Final = 20.0
KEEPALIVE_S: Final = 5.0
"""A node that is switched off is noticed after 4.5 times this; a robot's link is watched by itself."""
FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0
SILENCE_S: Final = 30.0
"""A node that has forwarded nothing for so long probably serves another program."""
LONGEST_NAME: Final = 48

_log = logging.getLogger("bb8.proxy")


class RawAdvertisement(Protocol):
    """One advertisement or scan response, in the node's own message."""

    address: int
    address_type: int
    rssi: int
    data: bytes


class RawAdvertisements(Protocol):
    """Some of them, as the node collects them."""

    advertisements: Sequence[RawAdvertisement]


@dataclass(slots=True, eq=False)
class ApiSession:
    """An open API connection to a node."""

    client: APIClient
    features: int
    free: int | None = None
    """Bluetooth connections that are not in use; None until the node has reported it."""
    subscribed: bool = False
    heard: bool = False
    """Whether it has forwarded anything since the last look."""
    on_lost: set[Callable[[], None]] = field(default_factory=set)
    """Called once when the API connection has ended, by those whose robot is connected through it."""

    def lose(self) -> None:
        """Call each callback once: the connection has ended."""
        callbacks, self.on_lost = self.on_lost, set()
        for callback in callbacks:
            callback()


class ProxyConnection:
    """Keeps the connection to one node. Belongs to the event loop that runs `run`."""

    def __init__(
        self,
        address: ProxyAddress,
        hear: Callable[[RawAdvertisements], None],
    ) -> None:
        """Connect to `address` once it runs; `hear` gets the advertisements."""
        self._address = address
        self._hear = hear
        self._resolver = ThreadPoolExecutor(1, "resolver")
        self.session: ApiSession | None = None
        """The open session; None while the node cannot be used."""
        self.status: ProxyStatus = explain_proxy(address.title, ProxyState.CONNECTING)
        """The present state, in words."""

    async def run(self) -> None:
        """Stay connected until cancelled; nothing that the node does or sends raises here."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._one_session()
                pause_s = FIRST_PAUSE_S
            except (Exception, asyncio.CancelledError) as error:  # a node must never end the bridge
                if _is_cancelled():
                    raise
                _log.debug("proxy %s: %s %s", self.status.name, type(error).__name__, error)
                self._set(state_of(error))
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    async def _one_session(self) -> None:
        """Connect, subscribe, and return when the connection has ended; raises if there was none."""
        ended = asyncio.get_running_loop().create_future()
        client = await self._connected(ended)
        session = ApiSession(client, 0)
        try:
            async with asyncio.timeout(OPEN_DEADLINE_S):
                session.features = await self._features(client)
            self._subscribe(session)
            self.session = session
            self._set(ProxyState.ONLINE)
            await self._watch(session, ended)
        finally:
            self.session = None
            session.lose()
            await client.disconnect(force=True)
        self._set(ProxyState.CONNECTING)

    async def _connected(self, ended: asyncio.Future[None]) -> APIClient:
        from aioesphomeapi.client import APIClient

        async def on_stop(_expected: bool) -> None:
            if self.session is not None:
                self.session.lose()
            if not ended.done():
                ended.set_result(None)

        address = self._address
        async with asyncio.timeout(OPEN_DEADLINE_S):
            addresses = await _ip_addresses(self._resolver, address.host, address.port)
        client = APIClient(
            address.host,
            address.port,
            client_info="BB-8 Bridge",
            keepalive=KEEPALIVE_S,
            noise_psk=address.key or None,
            addresses=addresses,
            provide_time=False,
        )
        try:
            async with asyncio.timeout(OPEN_DEADLINE_S):
                await client.connect(on_stop=on_stop, login=True, log_errors=False)
        except BaseException:
            await client.disconnect(force=True)
            raise
        return client

    async def _features(self, client: APIClient) -> int:
        """What the node can do, and its name; NotAProxy if a part that is needed is missing."""
        from aioesphomeapi.model import BluetoothProxyFeature as Feature

        info = await client.device_info()
        name = (info.friendly_name or info.name)[:LONGEST_NAME]
        self.status = explain_proxy(name or self._address.title, self.status.state)
        features = info.bluetooth_proxy_feature_flags
        needed = Feature.ACTIVE_CONNECTIONS | Feature.REMOTE_CACHING | Feature.RAW_ADVERTISEMENTS
        if features & needed != needed:
            raise NotAProxy(f"features {features}")
        return int(features)

    def _subscribe(self, session: ApiSession) -> None:
        """Ask for advertisements and for the number of free connections."""

        def on_free(free: int, _limit: int, _allocated: list[int]) -> None:
            session.free = free
            self._show_slots(session)

        def on_scanner_state(_state: object) -> None:
            session.subscribed = True

        session.client.subscribe_bluetooth_scanner_state(on_scanner_state)
        session.client.subscribe_bluetooth_connections_free(on_free)
        session.client.subscribe_bluetooth_le_raw_advertisements(self._heard)

    def _heard(self, message: RawAdvertisements) -> None:
        session = self.session
        if session is None:
            return
        session.heard = True
        if self.status.state is ProxyState.IN_USE:
            self._set(ProxyState.ONLINE)
        self._hear(message)

    async def _watch(self, session: ApiSession, ended: asyncio.Future[None]) -> None:
        """Wait for the end, and subscribe again while the node seems to serve another program.

        A node silently refuses a second subscriber, even if the first one is gone, until it notices that.
        Newer firmware confirms a subscription by a report of its scanner.
        """
        while not ended.done():
            session.heard = False
            await asyncio.wait((ended,), timeout=SILENCE_S)
            if ended.done() or session.heard or session.subscribed or session.on_lost:
                continue
            self._set(ProxyState.IN_USE)
            session.client.subscribe_bluetooth_le_raw_advertisements(self._heard)

    def _show_slots(self, session: ApiSession) -> None:
        """Show that no connection is free, unless our robot has the last one."""
        if session.free == 0 and not session.on_lost:
            self._set(ProxyState.FULL)
        elif session.free and self.status.state is ProxyState.FULL:
            self._set(ProxyState.ONLINE)

    def _set(self, state: ProxyState) -> None:
        """Log each change once; only what needs a person is a warning."""
        if state is self.status.state:
            return
        self.status = explain_proxy(self.status.name, state)
        calm = state in {ProxyState.ONLINE, ProxyState.CONNECTING}
        words = f"{self.status.reason} {self.status.remedy}".strip()
        _log.log(logging.INFO if calm else logging.WARNING, "proxy %s: %s", self.status.name, words)


def _is_cancelled() -> bool:
    """Whether this task is to end; the library cancels what it waits for, too, when a connection breaks."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _ip_addresses(resolver: Executor, host: str, port: int) -> list[str]:
    """Resolve by the system: aioesphomeapi would send multicasts, which do not leave the container.

    A lookup cannot be interrupted. So it has a thread of its own: it delays no other work, and the end of the
    event loop does not wait for it.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(resolver, lookup)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
