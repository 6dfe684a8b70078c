"""The radio through bleak: one long-lived scanner, connections through bleak-retry-connector."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bb8_core.link.radio_interface import LinkError, Sighting
from bb8_core.radio.advertisement_match import Target, matches
from bb8_core.radio.deadlines import within
from bb8_core.radio.scan_switch import SCAN_DEADLINE_S, ScanSwitch
from bb8_core.radio.service_check import ServiceCheck
from bb8_core.robot import gatt_uuids

if TYPE_CHECKING:
    from bleak import BleakClient, BleakScanner
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
    from bleak_retry_connector import BleakClientWithServiceCache

CONNECT_DEADLINE_S = 15.0
"""For one attempt with its retries; bleak-retry-connector alone may take more than a minute."""
CONNECT_TRIES = 2
WRITE_DEADLINE_S = 3.0
SUBSCRIBE_DEADLINE_S = 5.0
DISCONNECT_DEADLINE_S = 3.0

_log = logging.getLogger("bb8.radio")


@dataclass(frozen=True, slots=True)
class Backends:
    """Backend classes to use in place of the platform's, as the simulator provides."""

    client: type[BaseBleakClient]
    scanner: type[BaseBleakScanner]


class BleakPeer:
    """An open connection."""

    def __init__(self, client: BleakClient, path: str = "") -> None:
        """Wrap a connected client; `path` is BlueZ's object path of the device."""
        self._client = client
        self.path = path

    async def subscribe(self, on_data: Callable[[bytes], None]) -> None:
        """Subscribe to the robot's notifications."""
        await within(
            SUBSCRIBE_DEADLINE_S,
            self._client.start_notify(gatt_uuids.RESPONSES, lambda _, data: on_data(bytes(data))),
        )

    async def write(self, characteristic: str, data: bytes) -> None:
        """Write with response: without it the robot drops most commands."""
        await within(WRITE_DEADLINE_S, self._client.write_gatt_char(characteristic, data, response=True))

    async def disconnect(self) -> bool:
        """Close the connection; returns whether BlueZ has ended it.

        bleak also reports a disconnect if only its D-Bus connection has ended, so BlueZ is asked.
        """
        try:
            await within(DISCONNECT_DEADLINE_S, self._client.disconnect())
            return not await within(DISCONNECT_DEADLINE_S, _connected(self.path))
        except LinkError as error:
            _log.warning("the connection may not have ended: %s", error)
            return False


class BleakRadio:
    """One adapter, one scanner, one robot."""

    def __init__(self, target: Target, adapter: str = "", backends: Backends | None = None) -> None:
        """Look for `target` on `adapter` (`hci0`; empty: the default one)."""
        self._target = target
        self._bluez: dict[str, Any] = {"adapter": adapter} if adapter else {}
        self._backends = backends
        self._scan = ScanSwitch(self._new_scanner)
        self._on_sighting: Callable[[Sighting], None] = _ignore
        self._services = ServiceCheck()

    async def close_stale(self, remembered: str = "") -> None:
        """End a connection that an earlier run left: the robot stops on it, and advertises again.

        `remembered` is the address of the robot of that run, for where none is configured.
        """
        from bleak_retry_connector import close_stale_connections_by_address

        address = self._target.address or remembered
        if self._backends is None and address:
            await within(SCAN_DEADLINE_S, close_stale_connections_by_address(address))

    def look_for(self, target: Target) -> None:
        """Look only for this robot from now on."""
        self._target = target

    async def start_scan(self, on_sighting: Callable[[Sighting], None]) -> None:
        """Listen for the target; the scanner is made once and started again after each connection."""
        self._on_sighting = on_sighting
        await self._scan.on()

    async def stop_scan(self) -> None:
        """Report nothing any more and stop listening; what takes long goes on in the background."""
        self._on_sighting = _ignore
        await self._scan.off()

    async def connect(self, sighting: Sighting, on_drop: Callable[[], None]) -> BleakPeer:
        """Connect and check that it is a BB-8; from now on, only this one is searched for."""
        from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

        await self._scan.settled()
        extra: dict[str, Any] = {"backend": self._backends.client} if self._backends else {}
        client = await within(
            CONNECT_DEADLINE_S,
            establish_connection(
                BleakClientWithServiceCache,
                sighting.device,
                sighting.name,
                disconnected_callback=lambda _: on_drop(),
                max_attempts=CONNECT_TRIES,
                use_services_cache=not self._services.cleared(sighting.address),
                **extra,
            ),
        )
        try:
            await self._check_services(client, sighting.address)
        except BaseException:  # a cancellation included: BlueZ would keep the connection
            await BleakPeer(client).disconnect()
            raise
        self.look_for(Target(sighting.address, sighting.name))
        return BleakPeer(client, _object_path(sighting.device))

    async def _check_services(self, client: BleakClientWithServiceCache, address: str) -> None:
        """Raise LinkError if services are missing; the host's list of them is cleared once."""
        missing = await within(WRITE_DEADLINE_S, _missing(client))
        await self._services.require(address, missing, lambda: within(WRITE_DEADLINE_S, client.clear_cache()))

    def _new_scanner(self) -> BleakScanner:
        from bleak import BleakScanner

        extra: dict[str, Any] = {"backend": self._backends.scanner} if self._backends else {}
        return BleakScanner(self._heard, scanning_mode="active", bluez=self._bluez, **extra)  # type: ignore[arg-type]

    def _heard(self, device: BLEDevice, adv: AdvertisementData) -> None:
        name = adv.local_name or device.name
        if matches(self._target, device.address, name, adv.manufacturer_data, adv.service_uuids):
            now = asyncio.get_running_loop().time()
            self._on_sighting(Sighting(device, device.address, name or device.address, adv.rssi, now))


def _ignore(_: Sighting) -> None:
    """Before the first scan nothing listens."""


def _object_path(device: BLEDevice) -> str:
    """BlueZ's name for the device, which bleak keeps among its details; empty with another backend."""
    details = device.details
    path = details.get("path") if isinstance(details, dict) else None
    return path if isinstance(path, str) else ""


async def _connected(path: str) -> bool:
    """Whether BlueZ still has a connection to the device at `path`; there is none without BlueZ."""
    if not path:
        return False
    from bleak.backends.bluezdbus.manager import get_global_bluez_manager

    return (await get_global_bluez_manager()).is_connected(path)


async def _missing(client: BleakClientWithServiceCache) -> list[str]:
    """What a BB-8 has and this one lacks; bleak has no services any more where the link broke already."""
    return [uuid for uuid in gatt_uuids.REQUIRED if not _has(client, uuid)]


def _has(client: BleakClientWithServiceCache, uuid: str) -> bool:
    """Whether there is one such characteristic; an outdated cache may list it twice, which is an error."""
    from bleak.exc import BleakError

    try:
        return client.services.get_characteristic(uuid) is not None
    except BleakError as error:
        if "multiple" in str(error).lower():
            return False
        raise
