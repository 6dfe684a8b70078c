"""An ESPHome node with a Bluetooth proxy, as its firmware behaves (esphome, bluetooth_proxy.cpp).

It has one subscriber: who subscribes second is ignored without an answer. Only the subscriber gets what the
robots say, and when it is gone the node ends its Bluetooth connections.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from aioesphomeapi import api_pb2 as pb
from aioesphomeapi.model import BluetoothDeviceRequestType, BluetoothProxyFeature
from tests.addon.radio.proxies.esphome_wire import NodeWire

from bb8_core.simulator.bleak_backend import GATT, Air, Ticker
from bb8_core.simulator.bluetooth_robot import RESPONSES, SimulatedBB8

KEY = "QRTIErOb/fcE9Ukd/5qA3RGYMn0Y+p06U58SCtOXvPc="
CCCD = uuid.UUID("00002902-0000-1000-8000-00805f9b34fb")
MODERN = (
    BluetoothProxyFeature.PASSIVE_SCAN
    | BluetoothProxyFeature.ACTIVE_CONNECTIONS
    | BluetoothProxyFeature.REMOTE_CACHING
    | BluetoothProxyFeature.CACHE_CLEARING
    | BluetoothProxyFeature.RAW_ADVERTISEMENTS
    | BluetoothProxyFeature.FEATURE_STATE_AND_MODE
)
NOT_CONNECTED = -1
RANDOM_ADDRESS = 1


class FakeProxy:
    """A node on loopback that hears the robots of its own air."""

    def __init__(self, *robots: SimulatedBB8, name: str = "kitchen", key: str = KEY, rssi: int = -60) -> None:
        self.air = Air(robots)
        self.name = name
        self.key = key
        self.rssi = rssi
        self.slots = 3
        self.features = int(MODERN)
        self.port = 0
        self.clients: set[NodeWire] = set()
        self.subscriber: NodeWire | None = None
        self.connects = 0
        self.connecting_works = True
        """While false it looks for a robot without an end."""
        self.caches_cleared = 0
        self.missing: set[str] = set()
        """Characteristics that the node has forgotten; clearing its cache brings them back."""
        self.strangers: list[int] = []
        """Addresses of other devices that it forwards before the robots."""
        self._links: dict[int, SimulatedBB8 | None] = {}
        self._tickers: dict[int, Ticker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    # Power

    async def start(self) -> FakeProxy:
        """Switch it on; after a power cut it has the same port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._spawn(self._advertise())
        return self

    async def stop(self) -> None:
        """Cut its power: clients see their connection end, robots theirs."""
        for task in list(self._tasks):
            task.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in list(self.clients):
            if client.transport is not None:
                client.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._drop_all()
        self.subscriber = None

    def freeze(self, frozen: bool) -> None:
        """Lose the Wi-Fi: nothing is sent or heard, no connection ends."""
        for client in self.clients:
            client.frozen = frozen

    @property
    def free(self) -> int:
        return max(0, self.slots - len(self._links))

    def report_slots(self) -> None:
        """Report the number of free connections."""
        allocated = list(self._links)
        self._tell(pb.BluetoothConnectionsFreeResponse(free=self.free, limit=3, allocated=allocated))

    # Clients

    def _accept(self) -> NodeWire:
        wire = NodeWire(self.name, self.key, self._obey, self._gone)
        self.clients.add(wire)
        return wire

    def _gone(self, client: NodeWire) -> None:
        self.clients.discard(client)
        if client is self.subscriber:
            self.subscriber = None
            self._drop_all()

    def _drop_all(self) -> None:
        for address in list(self._links):
            self._let_go(address)

    def _tell(self, message: Any) -> None:
        if self.subscriber is not None:
            self.subscriber.send(message)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _obey(self, client: NodeWire, message: Any) -> None:
        answer: Callable[[NodeWire, Any], None] = getattr(self, f"_on_{type(message).__name__}", _ignore)
        answer(client, message)

    def _on_HelloRequest(self, client: NodeWire, _: Any) -> None:
        client.send(pb.HelloResponse(api_version_major=1, api_version_minor=12, name=self.name))

    def _on_DeviceInfoRequest(self, client: NodeWire, _: Any) -> None:
        client.send(
            pb.DeviceInfoResponse(
                name=self.name,
                mac_address="AA:BB:CC:DD:EE:FF",
                bluetooth_mac_address="AA:BB:CC:DD:EE:01",
                bluetooth_proxy_feature_flags=self.features,
            )
        )

    def _on_PingRequest(self, client: NodeWire, _: Any) -> None:
        client.send(pb.PingResponse())

    def _on_DisconnectRequest(self, client: NodeWire, _: Any) -> None:
        client.send(pb.DisconnectResponse())
        client.close()

    def _on_SubscribeBluetoothConnectionsFreeRequest(self, client: NodeWire, _: Any) -> None:
        client.send(pb.BluetoothConnectionsFreeResponse(free=self.free, limit=3))

    def _on_SubscribeBluetoothLEAdvertisementsRequest(self, client: NodeWire, _: Any) -> None:
        if self.subscriber is not None:
            return
        self.subscriber = client
        if self.features & BluetoothProxyFeature.FEATURE_STATE_AND_MODE:
            client.send(pb.BluetoothScannerStateResponse(state=2))

    # Advertisements

    async def _advertise(self) -> None:
        while True:
            robots = self.air.audible()
            if robots:
                parts = [pb.BluetoothLERawAdvertisement(address=each) for each in self.strangers]
                parts += [part for robot in robots for part in self._parts(robot)]
                self._tell(pb.BluetoothLERawAdvertisementsResponse(advertisements=parts))
            await asyncio.sleep(0.1)

    def _parts(self, robot: SimulatedBB8) -> list[Any]:
        """The advertisement with its service, and the scan response with the name."""
        service = uuid.UUID(GATT[0][0]).bytes[::-1]
        name = robot.name.encode()
        datas = (
            b"\x02\x01\x06" + bytes((17, 0x06)) + service,
            bytes((len(name) + 1, 0x09)) + name + b"\x03\xff\x33\x30",
        )
        return [
            pb.BluetoothLERawAdvertisement(
                address=number(robot), rssi=self.rssi, address_type=RANDOM_ADDRESS, data=data
            )
            for data in datas
        ]

    # Connections

    def _on_BluetoothDeviceRequest(self, client: NodeWire, message: Any) -> None:
        kind = BluetoothDeviceRequestType
        if message.request_type == kind.CONNECT_V3_WITHOUT_CACHE:
            self._spawn(self._connect(message.address, message.address_type))
        elif message.request_type == kind.DISCONNECT:
            self._let_go(message.address)
            self._report(message.address, False)
        elif message.request_type == kind.CLEAR_CACHE:
            self.caches_cleared += 1
            self.missing.clear()
            self._tell(pb.BluetoothDeviceClearCacheResponse(address=message.address, success=True))

    async def _connect(self, address: int, address_type: int) -> None:
        self.connects += 1
        if not self.free:
            self._report(address, False)
            return
        self._links[address] = None
        self.report_slots()
        robot = None
        while robot is None and address in self._links:
            await asyncio.sleep(0.05)
            heard = self.air.audible() if self.connecting_works else []
            robot = next((each for each in heard if number(each) == address), None)
        if robot is None:
            return
        assert address_type == RANDOM_ADDRESS
        try:
            robot.connect()
        except ConnectionError:
            del self._links[address]
            self._report(address, False, error=0x3E)
            return
        robot.on_disconnect = lambda: self._lost(address)
        self._links[address] = robot
        self._tickers[address] = Ticker(robot)
        self._tickers[address].arm()
        self._report(address, True)

    def _lost(self, address: int) -> None:
        self._forget(address)
        self._report(address, False, error=0x08)

    def _let_go(self, address: int) -> None:
        robot = self._forget(address)
        if robot is not None:
            robot.on_disconnect = None
            robot.disconnect()

    def _forget(self, address: int) -> SimulatedBB8 | None:
        ticker = self._tickers.pop(address, None)
        if ticker is not None:
            ticker.disarm()
        return self._links.pop(address, None)

    def _report(self, address: int, connected: bool, error: int = 0) -> None:
        mtu = 23 if connected else 0
        self._tell(
            pb.BluetoothDeviceConnectionResponse(address=address, connected=connected, mtu=mtu, error=error)
        )
        self.report_slots()

    # GATT

    def _on_BluetoothGATTGetServicesRequest(self, _: NodeWire, message: Any) -> None:
        for service in self._services():
            self._tell(pb.BluetoothGATTGetServicesResponse(address=message.address, services=[service]))
        self._tell(pb.BluetoothGATTGetServicesDoneResponse(address=message.address))

    def _services(self) -> list[Any]:
        return [
            pb.BluetoothGATTService(
                uuid=halves(uuid.UUID(service)),
                handle=100 * place,
                characteristics=[
                    self._characteristic(name, handle_of(name))
                    for name, _ in characteristics
                    if name not in self.missing
                ],
            )
            for place, (service, characteristics) in enumerate(GATT, 1)
        ]

    def _characteristic(self, name: str, handle: int) -> Any:
        switch = pb.BluetoothGATTDescriptor(uuid=halves(CCCD), handle=handle + 1)
        return pb.BluetoothGATTCharacteristic(
            uuid=halves(uuid.UUID(name)),
            handle=handle,
            properties=0x1A,
            descriptors=[switch] if name == RESPONSES else [],
        )

    def _robot(self, message: Any) -> SimulatedBB8 | None:
        robot = self._links.get(message.address)
        if robot is None:
            error = pb.BluetoothGATTErrorResponse(
                address=message.address, handle=message.handle, error=NOT_CONNECTED
            )
            self._tell(error)
        return robot

    def _on_BluetoothGATTNotifyRequest(self, _: NodeWire, message: Any) -> None:
        if self._robot(message) is not None:
            self._tell(pb.BluetoothGATTNotifyResponse(address=message.address, handle=message.handle))

    def _on_BluetoothGATTWriteDescriptorRequest(self, _: NodeWire, message: Any) -> None:
        """The robot notifies only once its client configuration was written."""
        robot = self._robot(message)
        if robot is None:
            return
        address, handle = message.address, message.handle - 1
        assert handle == handle_of(RESPONSES)
        if message.data == b"\x01\x00":
            robot.on_notify = lambda data: self._tell(
                pb.BluetoothGATTNotifyDataResponse(address=address, handle=handle, data=data)
            )
        self._tell(pb.BluetoothGATTWriteResponse(address=address, handle=message.handle))

    def _on_BluetoothGATTWriteRequest(self, _: NodeWire, message: Any) -> None:
        robot = self._robot(message)
        if robot is None:
            return
        assert message.response
        robot.write(NAMES[message.handle], message.data)
        self._tell(pb.BluetoothGATTWriteResponse(address=message.address, handle=message.handle))
        if (ticker := self._tickers.get(message.address)) is not None:
            ticker.arm()


def _ignore(_client: NodeWire, _message: Any) -> None:
    """Messages that mean nothing to a proxy."""


def number(robot: SimulatedBB8) -> int:
    """A robot's address as the API has it."""
    return int(robot.address.replace(":", ""), 16)


def halves(full: uuid.UUID) -> list[int]:
    """A UUID as the API has it: two numbers of 64 bits."""
    return [full.int >> 64, full.int & (1 << 64) - 1]


NAMES = {10 + 3 * place: name for place, name in enumerate(name for _, each in GATT for name, _ in each)}
"""The handles of the characteristics."""


def handle_of(name: str) -> int:
    """The handle of a characteristic."""
    return next(handle for handle, each in NAMES.items() if each == name)
