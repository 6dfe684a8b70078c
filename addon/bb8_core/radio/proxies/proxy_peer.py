"""An open connection to the robot through a Bluetooth proxy."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError
from bb8_core.radio.deadlines import within
from bb8_core.radio.proxies.proxy_connection import ApiSession
from bb8_core.radio.proxies.proxy_errors import cause_of
from bb8_core.robot import gatt_uuids

CONNECT_DEADLINE_S = 15.0
CONNECT_RESPONSE_S = 10.0
"""The node searches for the robot in this time; then it is told to give up."""
WRITE_DEADLINE_S = 3.0
SUBSCRIBE_DEADLINE_S = 5.0
SERVICES_DEADLINE_S = 10.0
DISCONNECT_DEADLINE_S = 3.0
CCCD = "00002902-0000-1000-8000-00805f9b34fb"
"""Client characteristic configuration: the node leaves it to its client to write it."""
NOTIFY = b"\x01\x00"

if TYPE_CHECKING:
    from aioesphomeapi.client import APIClient

T = TypeVar("T")

_log = logging.getLogger("bb8.proxy")


class ProxyPeer:
    """The robot at `address`, connected through the node of `session`."""

    path = ""
    """Not BlueZ, so the guard process cannot end this link: the robot's own timeout has to be armed."""

    def __init__(self, session: ApiSession, address: int, on_drop: Callable[[], None]) -> None:
        """`on_drop` is called when an open connection has ended."""
        self._session = session
        self._address = address
        self._on_drop = on_drop
        self._handles: dict[str, int] = {}
        self._notify_switch: int | None = None
        self._connected = False
        self._closed = False
        self._error = 0
        self._opening: asyncio.Future[Callable[[], None]] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def open(self, address_type: int) -> None:
        """Connect and read the services; LinkError if that fails."""
        self._opening = asyncio.ensure_future(
            self._session.client.bluetooth_device_connect(
                self._address,
                self._state_changed,
                timeout=CONNECT_RESPONSE_S,
                disconnect_timeout=DISCONNECT_DEADLINE_S,
                feature_flags=self._session.features,
                address_type=address_type,
            )
        )
        self._session.on_lost.add(self._lost)
        try:
            self._unsubscribe = await self._done(CONNECT_DEADLINE_S, self._opening)
            self._require_connected()
            await self._read_services()
        except BaseException:
            self._session.on_lost.discard(self._lost)
            raise

    @property
    def missing(self) -> list[str]:
        """What a BB-8 has and this one lacks."""
        return [uuid for uuid in gatt_uuids.REQUIRED if uuid not in self._handles]

    async def clear_cache(self) -> None:
        """Have the node forget the services that it remembers, if it can."""
        from aioesphomeapi.model import BluetoothProxyFeature

        if self._session.features & BluetoothProxyFeature.CACHE_CLEARING:
            clearing = self._session.client.bluetooth_device_clear_cache(self._address)
            await self._done(WRITE_DEADLINE_S, clearing)

    async def subscribe(self, on_data: Callable[[bytes], None]) -> None:
        """Subscribe to the robot's notifications."""
        client, address = self._session.client, self._address
        handle = self._handles[gatt_uuids.RESPONSES]

        def heard(_handle: int, data: bytearray) -> None:
            if not self._closed:  # aioesphomeapi keeps the callback of a subscription that was cancelled
                on_data(bytes(data))

        start = client.bluetooth_gatt_start_notify(address, handle, heard)
        await self._done(SUBSCRIBE_DEADLINE_S, start)
        if self._notify_switch is not None:
            switch = client.bluetooth_gatt_write_descriptor(address, self._notify_switch, NOTIFY)
            await self._done(SUBSCRIBE_DEADLINE_S, switch)

    async def write(self, characteristic: str, data: bytes) -> None:
        """Write with response: without it the robot drops most commands.

        A write that the node does not confirm in time ends the API connection: the node must not carry it out
        later, when its network is back.
        """
        writing = self._session.client.bluetooth_gatt_write(
            self._address, self._handles[characteristic], data, response=True, timeout=2 * WRITE_DEADLINE_S
        )
        try:
            await self._done(WRITE_DEADLINE_S, writing)
        except LinkError as error:
            if isinstance(error.__cause__, TimeoutError):
                _reset(self._session.client)
            raise

    async def disconnect(self) -> bool:
        """Close the connection; if the node does not confirm it, the node itself is disconnected.

        A node ends its Bluetooth connections when the API connection ends, so the robot stops either way.
        """
        self._closed = True
        self._session.on_lost.discard(self._lost)
        connected, self._connected = self._connected, False
        if self._unsubscribe is not None:
            self._unsubscribe()
        client = self._session.client
        client.bluetooth_gatt_stop_notify_for_address(self._address)
        if not connected:
            return True
        try:
            closing = client.bluetooth_device_disconnect(self._address, timeout=2 * DISCONNECT_DEADLINE_S)
            await self._done(DISCONNECT_DEADLINE_S, closing)
        except LinkError as error:
            _log.debug("disconnect: %s", error)
            _reset(client)
        return True

    async def _read_services(self) -> None:
        reading = self._session.client.bluetooth_gatt_get_services(self._address)
        found = await self._done(SERVICES_DEADLINE_S, reading)
        characteristics = [each for service in found.services for each in service.characteristics]
        self._handles = {each.uuid: each.handle for each in characteristics}
        switches = (
            descriptor.handle
            for each in characteristics
            if each.uuid == gatt_uuids.RESPONSES
            for descriptor in each.descriptors
            if descriptor.uuid == CCCD
        )
        self._notify_switch = next(switches, None)

    async def _done(self, deadline_s: float, action: Awaitable[T]) -> T:
        """Carry out an operation under a deadline; LinkError if it fails."""
        return await within(deadline_s, action, cause_of)

    def _require_connected(self) -> None:
        if self._connected:
            return
        full = self._session.free == 0 and not self._error
        raise LinkError(Cause.NO_SLOT if full else Cause.CONNECT_FAILED, f"the proxy reports {self._error}")

    def _state_changed(self, connected: bool, _mtu: int, error: int) -> None:
        """The node reports that the robot is connected, or that it is not (any more)."""
        self._error = error
        if connected:
            self._connected = True
        elif self._connected:
            self._lost()

    def _lost(self) -> None:
        """The link is gone, with the API connection or without it."""
        self._session.on_lost.discard(self._lost)
        if self._opening is not None:
            self._opening.cancel()
        if self._connected:
            self._connected = False
            self._on_drop()


def _reset(client: APIClient) -> None:
    """Drop the API connection with everything that is not sent yet; the node ends its Bluetooth connections.

    A socket that is closed as usual keeps sending what the kernel has. aioesphomeapi has no public way to it.
    """
    raw = getattr(getattr(client, "_connection", None), "_socket", None)
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.force_disconnect()
