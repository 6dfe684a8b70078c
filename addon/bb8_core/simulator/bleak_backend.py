"""Simulated robots behind bleak: backend classes for its client and its scanner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDeviceNotFoundError,
    BleakError,
)

from bb8_core.simulator.bluetooth_robot import DEEP_SLEEP, RESPONSES, UUID, SimulatedBB8

ADVERTISE_EVERY_S: Final = 0.1
CONNECT_S: Final = 0.05
MTU: Final = 23
RSSI: Final = -52
COMPANY_ID: Final = 0x3033
_DEVICE_INFORMATION: Final = "0000{}-0000-1000-8000-00805f9b34fb"

GATT: Final[tuple[tuple[str, tuple[tuple[str, tuple[CharacteristicPropertyName, ...]], ...]], ...]] = (
    (
        UUID.format("2ba0"),
        (
            (UUID.format("2ba1"), ("write", "write-without-response")),
            (RESPONSES, ("read", "notify")),
        ),
    ),
    (
        UUID.format("2bb0"),
        (
            (UUID.format("2bbd"), ("write", "write-without-response")),
            (UUID.format("2bb2"), ("write", "write-without-response")),
            (UUID.format("2bbf"), ("write", "write-without-response")),
            (UUID.format("2bb6"), ("read", "write", "notify")),
            (DEEP_SLEEP, ("write", "write-without-response")),
        ),
    ),
    (
        _DEVICE_INFORMATION.format("180a"),
        tuple((_DEVICE_INFORMATION.format(short), ("read",)) for short in ("2a24", "2a25", "2a26")),
    ),
)
"""Services and characteristics with their properties, as on the robot."""


class Air:
    """What is between the adapter and the robots; everything that radio does to people happens here."""

    def __init__(self, robots: Iterable[SimulatedBB8]) -> None:
        """Put robots into the air of one adapter that is switched on."""
        self.robots = list(robots)
        self.write_s = 0.0
        """How long each write takes; the robot hears it at the end."""
        self.silent = False
        """While true no advertisement is heard and no connection succeeds; existing links stay up."""
        self._adapter_on = True

    @property
    def adapter_on(self) -> bool:
        """Whether the adapter has power; switching it off drops every link."""
        return self._adapter_on

    @adapter_on.setter
    def adapter_on(self, on: bool) -> None:
        self._adapter_on = on
        if not on:
            for robot in self.robots:
                self.drop_link(robot)

    def drop_link(self, robot: SimulatedBB8) -> None:
        """Break the robot's link, as distance or noise does; it keeps advertising."""
        robot.hang_up()

    def audible(self) -> list[SimulatedBB8]:
        """Return the robots that a scan hears now."""
        if self.silent or not self._adapter_on:
            return []
        return [robot for robot in self.robots if robot.advertising]

    def find(self, address: str) -> SimulatedBB8 | None:
        """Return the robot with that address if it can be connected to now."""
        return next((robot for robot in self.audible() if robot.address.lower() == address.lower()), None)


@dataclass(frozen=True, slots=True)
class SimulatedBackends:
    """Classes to give to `BleakClient(..., backend=)` and `BleakScanner(..., backend=)`."""

    client: type[BaseBleakClient]
    scanner: type[BaseBleakScanner]


def backends(robot_or_air: SimulatedBB8 | Air) -> SimulatedBackends:
    """Make backend classes for one robot or for everything in an Air."""
    air = robot_or_air if isinstance(robot_or_air, Air) else Air([robot_or_air])
    client = type("SimulatedClient", (SimulatedClient,), {"air": air})
    scanner = type("SimulatedScanner", (SimulatedScanner,), {"air": air})
    return SimulatedBackends(client, scanner)


class Ticker:
    """Lets a connected robot speak at its own times, with one timer and none while nothing is due."""

    def __init__(self, robot: SimulatedBB8) -> None:
        """Take a robot; `arm` starts."""
        self._robot = robot
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Set the timer to the robot's next happening; to be called whenever that may have changed."""
        self.disarm()
        due = self._robot.next_event()
        if due is not None and self._robot.connected:
            wait = max(0.0, due - self._robot.clock())
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def disarm(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._robot.tick()
        self.arm()


class SimulatedScanner(BaseBleakScanner):
    """Hears what advertises in its air, ten times a second."""

    air: ClassVar[Air]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_: Any,
    ) -> None:
        """Take what bleak gives to every backend; the mode makes no difference here."""
        super().__init__(detection_callback, service_uuids)
        self.scanning_mode = scanning_mode
        self._timer: asyncio.Handle | None = None

    async def start(self) -> None:
        """Start to listen; BleakBluetoothNotAvailableError if the adapter is off."""
        if not self.air.adapter_on:
            raise BleakBluetoothNotAvailableError(
                "the adapter is off", BleakBluetoothNotAvailableReason.POWERED_OFF
            )
        self.seen_devices = {}
        self._timer = asyncio.get_running_loop().call_soon(self._listen)

    async def stop(self) -> None:
        """Stop to listen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _listen(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(ADVERTISE_EVERY_S, self._listen)
        for robot in self.air.audible():
            adv = advertisement(robot)
            if self.is_allowed_uuid(adv.service_uuids):
                device = self.create_or_update_device(
                    robot.address, robot.address, robot.name, {"source": "simulator"}, adv
                )
                self.call_detection_callbacks(device, adv)


def advertisement(robot: SimulatedBB8) -> AdvertisementData:
    """Return what a scan sees of a robot."""
    return AdvertisementData(
        local_name=robot.name,
        manufacturer_data={COMPANY_ID: b""},
        service_data={},
        service_uuids=[GATT[0][0]],
        tx_power=None,
        rssi=RSSI,
        platform_data=(),
    )


class SimulatedClient(BaseBleakClient):
    """One connection to one robot of its air."""

    air: ClassVar[Air]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **kwargs: Any,
    ) -> None:
        """Take what bleak gives to every backend."""
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout, **kwargs
        )
        self._robot: SimulatedBB8 | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticker: Ticker | None = None
        self._writing: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        """Name of the robot, or the address while there is no connection."""
        return self._robot.name if self._robot is not None else self.address

    @property
    def mtu_size(self) -> int:
        """The robot's MTU."""
        return MTU

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._robot is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Open the link; waits for the robot to be there, as an adapter does."""
        del pair
        timeout = float(kwargs.get("timeout", self._timeout))
        robot = await self._reach(timeout)
        try:
            robot.connect()
        except ConnectionError as error:
            raise BleakError(str(error)) from error
        robot.on_disconnect = self._dropped
        self._loop = asyncio.get_running_loop()
        self._robot = robot
        self._ticker = Ticker(robot)
        self._ticker.arm()
        self.services = _service_collection()

    async def _reach(self, timeout_s: float) -> SimulatedBB8:
        """Wait until the robot can be connected to; BleakDeviceNotFoundError after `timeout_s`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        await asyncio.sleep(CONNECT_S)
        while (robot := self.air.find(self.address)) is None:
            if not self.air.adapter_on:
                raise BleakError("[org.bluez.Error.NotReady] Resource Not Ready")
            if loop.time() >= deadline:
                raise BleakDeviceNotFoundError(
                    self.address, f"Device with address {self.address} was not found"
                )
            await asyncio.sleep(ADVERTISE_EVERY_S)
        return robot

    async def disconnect(self) -> None:
        """Close the link; bleak does not report a disconnection that was requested."""
        robot = self._forget()
        if robot is not None:
            robot.on_disconnect = None
            robot.disconnect()
        await asyncio.sleep(0)

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        """BB-8 needs no pairing."""

    async def unpair(self) -> None:
        """BB-8 needs no pairing."""

    async def clear_cache(self) -> bool:
        """There is no cache that could be stale."""
        return True

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        """Read the device information; the answers' characteristic reads as empty."""
        del use_cached
        if "read" not in characteristic.properties:
            raise BleakError("[org.bluez.Error.NotPermitted] Read not permitted")
        return bytearray(self._linked().read(characteristic.uuid))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        """Fail: no descriptors are shown."""
        del use_cached
        raise BleakError(f"no such descriptor: {descriptor.uuid}")

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write; the robot acts before this returns, and answers after it."""
        del response
        robot = self._linked()
        if self.air.write_s:
            await self._on_the_air(robot)
        try:
            robot.write(characteristic.uuid, bytes(data))
        except ConnectionError as error:
            raise BleakError(str(error)) from error
        if self._ticker is not None:
            self._ticker.arm()
        await asyncio.sleep(0)

    async def _on_the_air(self, robot: SimulatedBB8) -> None:
        """Wait for as long as a write takes; if the link drops meanwhile, the write fails or is cancelled."""
        loop = asyncio.get_running_loop()
        self._writing = loop.create_future()
        timer = loop.call_later(self.air.write_s, _finish, self._writing)
        try:
            await self._writing
        finally:
            timer.cancel()
            self._writing = None
        if self._robot is not robot:
            raise BleakError("Not connected")

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """Fail: no descriptors are shown."""
        del data
        raise BleakError(f"no such descriptor: {descriptor.uuid}")

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: Any
    ) -> None:
        """Deliver the robot's notifications through the event loop, as D-Bus does."""
        robot = self._linked()
        if characteristic.uuid == RESPONSES:
            loop = asyncio.get_running_loop()
            robot.on_notify = lambda data: _deliver(loop, callback, data)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Deliver nothing any more."""
        if characteristic.uuid == RESPONSES:
            self._linked().on_notify = None

    def _linked(self) -> SimulatedBB8:
        if self._robot is None:
            raise BleakError("Service Discovery has not been performed yet")
        return self._robot

    def _forget(self) -> SimulatedBB8 | None:
        robot, self._robot = self._robot, None
        self.services = None
        if self._ticker is not None:
            self._ticker.disarm()
        return robot

    def _dropped(self) -> None:
        """Report the lost link, after the notifications that were on their way."""
        gone = self._forget()
        if self._writing is not None and not self._writing.done():
            if gone is not None and gone.faults.cancel_writes:
                self._writing.cancel()
            else:
                _finish(self._writing)
        if gone is not None and self._loop is not None and self._disconnected_callback is not None:
            self._loop.call_soon(self._disconnected_callback)


def _finish(writing: asyncio.Future[None]) -> None:
    if not writing.done():
        writing.set_result(None)


def _deliver(loop: asyncio.AbstractEventLoop, callback: NotifyCallback, data: bytes) -> None:
    loop.call_soon(callback, bytearray(data))


def _service_collection() -> BleakGATTServiceCollection:
    """Build bleak's picture of the robot's GATT table; handles count up."""
    collection = BleakGATTServiceCollection()
    handle = 1
    for service_uuid, characteristics in GATT:
        service = BleakGATTService(None, handle, service_uuid)
        collection.add_service(service)
        for uuid, properties in characteristics:
            handle += 1
            collection.add_characteristic(
                BleakGATTCharacteristic(None, handle, uuid, list(properties), lambda: MTU - 3, service)
            )
        handle += 1
    return collection
