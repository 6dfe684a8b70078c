"""One Bluetooth proxy as a radio: it hears the robot and connects to it where the robot is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError, Peer, Sighting
from bb8_core.radio.advertisement_match import Target, matches
from bb8_core.radio.proxies.advertisement_data import Advertised, parse
from bb8_core.radio.proxies.proxy_address import ProxyAddress
from bb8_core.radio.proxies.proxy_connection import (
    ProxyConnection,
    RawAdvertisement,
    RawAdvertisements,
)
from bb8_core.radio.proxies.proxy_peer import ProxyPeer
from bb8_core.radio.proxies.proxy_states import ProxyStatus
from bb8_core.radio.service_check import ServiceCheck

ADDRESS_MASK: Final = (1 << 48) - 1
"""A Bluetooth address has 48 bits; the API's field for it has 64."""
MOST_REMEMBERED: Final = 256
"""Devices whose advertised parts are kept; phones change their addresses every few minutes."""


@dataclass(frozen=True, slots=True)
class RemoteDevice:
    """How a node is asked to connect to a device."""

    address: int
    address_type: int


class ProxyRadio:
    """One node. Its `run` keeps the connection to it."""

    def __init__(self, address: ProxyAddress, target: Target) -> None:
        """Look for `target` through the node at `address`."""
        self._target = target
        self._connection = ProxyConnection(address, self._heard)
        self._on_sighting: Callable[[Sighting], None] | None = None
        self._advertised: dict[int, Advertised] = {}
        self._services = ServiceCheck()

    @property
    def status(self) -> ProxyStatus:
        """Whether the node can be used, in words."""
        return self._connection.status

    @property
    def online(self) -> bool:
        """Whether the node is connected."""
        return self._connection.session is not None

    @property
    def free(self) -> bool:
        """Whether the node can take another connection, as far as it has reported."""
        session = self._connection.session
        return session is not None and session.free != 0

    async def run(self) -> None:
        """Stay connected to the node until cancelled."""
        await self._connection.run()

    def look_for(self, target: Target) -> None:
        """Look only for this robot from now on."""
        self._target = target

    async def start_scan(self, on_sighting: Callable[[Sighting], None]) -> None:
        """Report sightings from now on, and as soon as the node is connected."""
        self._on_sighting = on_sighting

    async def stop_scan(self) -> None:
        """Report nothing any more; the node keeps its subscription, without which it drops the robot."""
        self._on_sighting = None

    async def connect(self, sighting: Sighting, on_drop: Callable[[], None]) -> Peer:
        """Connect through the node and check that it is a BB-8."""
        device: RemoteDevice = sighting.device
        session = self._connection.session
        if session is None:
            raise LinkError(Cause.CONNECT_FAILED, f"the proxy {self.status.name} is not connected")
        if session.free == 0:
            raise LinkError(Cause.NO_SLOT, f"the proxy {self.status.name}")
        peer = ProxyPeer(session, device.address, on_drop)
        try:
            await peer.open(device.address_type)
            await self._services.require(sighting.address, peer.missing, peer.clear_cache)
        except BaseException:
            await peer.disconnect()
            raise
        return peer

    def _heard(self, message: RawAdvertisements) -> None:
        if self._on_sighting is None:
            return
        for each in message.advertisements:
            self._look_at(each, self._on_sighting)

    def _look_at(self, each: RawAdvertisement, report: Callable[[Sighting], None]) -> None:
        """Report it if it is the target's, with what its earlier parts have said."""
        number = each.address & ADDRESS_MASK
        if len(self._advertised) >= MOST_REMEMBERED and number not in self._advertised:
            self._advertised.clear()
        known = self._advertised.get(number, Advertised()).with_later(parse(each.data))
        self._advertised[number] = known
        address = _readable(number)
        if matches(self._target, address, known.name, known.company_ids, known.service_uuids):
            device = RemoteDevice(number, each.address_type)
            now = asyncio.get_running_loop().time()
            name = known.name or address
            report(Sighting(device, address, name, each.rssi, now, self.status.name))


def _readable(address: int) -> str:
    return ":".join(f"{byte:02X}" for byte in address.to_bytes(6, "big"))
