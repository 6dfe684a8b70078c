"""The simulated robot through bleak itself, with bleak-retry-connector on top."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDeviceNotFoundError, BleakError
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection
from tests.addon.virtual import run_virtually

from bb8_core.robot import commands, gatt_uuids
from bb8_core.robot.packet_framing import AsyncPacket, Command, Packet, StreamDecoder, chunks, encode
from bb8_core.simulator.bleak_backend import Air, backends
from bb8_core.simulator.bluetooth_robot import SimulatedBB8
from bb8_core.simulator.injected_faults import Faults


class Lab:
    """Two robots in the air, on the clock of the running loop."""

    def __init__(self, faults: Faults | None = None) -> None:
        clock = asyncio.get_running_loop().time
        self.robot = SimulatedBB8(clock=clock, faults=faults)
        self.other = SimulatedBB8("D0:00:00:00:12:34", "BB-1234", clock)
        self.air = Air([self.robot, self.other])
        self.backends = backends(self.air)
        self.packets: list[Packet] = []
        self.drops: list[BleakClient] = []
        self._decoder = StreamDecoder()

    def client(self, address: str | None = None) -> BleakClient:
        return BleakClient(
            address or self.robot.address, self.drops.append, backend=self.backends.client, timeout=1
        )

    async def ready(self) -> BleakClient:
        """Connect, wake and listen."""
        client = self.client()
        await client.connect()
        await client.start_notify(gatt_uuids.RESPONSES, self._heard)
        for uuid, value in (
            (gatt_uuids.ANTI_DOS, gatt_uuids.ANTI_DOS_KEY),
            (gatt_uuids.TX_POWER, gatt_uuids.TX_POWER_MAX),
            (gatt_uuids.WAKE, gatt_uuids.WAKE_UP),
        ):
            await client.write_gatt_char(uuid, value, response=True)
        await asyncio.sleep(1)
        return client

    async def say(self, client: BleakClient, command: Command, seq: int = 1) -> None:
        for piece in chunks(encode(command, seq)):
            await client.write_gatt_char(gatt_uuids.COMMANDS, piece, response=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - the clock jumps
                await asyncio.sleep(0.01)

    def _heard(self, _: object, data: bytearray) -> None:
        self.packets += self._decoder.feed(bytes(data), 0.0)


def test_a_scan_hears_every_robot_as_a_bb8() -> None:
    async def story() -> None:
        lab = Lab()
        heard: dict[str, tuple[BLEDevice, AdvertisementData]] = {}
        scanner = BleakScanner(
            lambda device, adv: heard.update({device.address: (device, adv)}), backend=lab.backends.scanner
        )
        async with scanner:
            await asyncio.sleep(0.3)
        assert set(heard) == {lab.robot.address, lab.other.address}
        adv = heard[lab.robot.address][1]
        assert adv.local_name == "BB-B54A"
        assert list(adv.manufacturer_data) == [gatt_uuids.COMPANY_ID]
        assert adv.service_uuids == [gatt_uuids.SERVICE_CONTROL]
        assert {d.name for d in scanner.discovered_devices} == {"BB-B54A", "BB-1234"}

    run_virtually(story())


def test_a_scan_hears_nothing_that_is_not_there() -> None:
    async def story() -> None:
        lab = Lab()
        lab.other.vanish()
        lab.robot.connect()
        assert await BleakScanner.discover(0.5, backend=lab.backends.scanner) == []
        lab.robot.disconnect()
        lab.air.silent = True
        assert await BleakScanner.discover(0.5, backend=lab.backends.scanner) == []
        lab.air.silent = False
        found = await BleakScanner.discover(0.5, backend=lab.backends.scanner)
        assert [d.address for d in found] == [lab.robot.address]
        unheard = await BleakScanner.discover(0.5, backend=lab.backends.scanner, service_uuids=["180d"])
        assert unheard == []

    run_virtually(story())


def test_an_adapter_that_is_off_reports_it() -> None:
    async def story() -> None:
        lab = Lab()
        client = await lab.ready()
        lab.air.adapter_on = False
        await lab.until(lambda: lab.drops == [client])
        with pytest.raises(BleakBluetoothNotAvailableError):
            await BleakScanner(backend=lab.backends.scanner).start()
        with pytest.raises(BleakError, match="NotReady"):
            await lab.client().connect()

    run_virtually(story())


def test_commands_are_answered_through_the_loop() -> None:
    async def story() -> None:
        lab = Lab()
        client = await lab.ready()
        assert client.is_connected
        assert (client.name, client.mtu_size) == ("BB-B54A", 23)
        await lab.say(client, commands.roll(80, 10), 42)
        await lab.until(lambda: bool(lab.packets))
        assert lab.packets[0][:2] == (0, 42)
        assert lab.robot.motor == (80, 10, True)
        await client.stop_notify(gatt_uuids.RESPONSES)
        await lab.say(client, commands.ping(), 43)
        await asyncio.sleep(0.1)
        assert len(lab.packets) == 1
        await client.disconnect()
        assert not client.is_connected
        assert not lab.robot.connected
        assert lab.drops == []

    run_virtually(story())


def test_the_robot_speaks_unasked_at_its_own_times() -> None:
    async def story() -> None:
        lab = Lab()
        client = await lab.ready()
        await lab.say(client, commands.inactivity_timeout(60))
        await lab.say(client, commands.power_notifications(on=True))
        await asyncio.sleep(55)
        codes = [p.id for p in lab.packets if isinstance(p, AsyncPacket)]
        assert codes.count(0x01) == 6
        assert codes.count(0x05) == 1
        await asyncio.sleep(10)
        assert lab.packets[-1] == AsyncPacket(0x14, b"")
        assert lab.drops == [client]
        assert not client.is_connected

    run_virtually(story())


def test_a_hit_is_reported_without_a_request() -> None:
    async def story() -> None:
        lab = Lab()
        client = await lab.ready()
        await lab.say(client, commands.collision_detection())
        await lab.say(client, commands.roll(200, 0))
        await lab.until(lambda: any(isinstance(p, AsyncPacket) and p.id == 7 for p in lab.packets))

    run_virtually(story())


def test_a_dropped_link_is_reported_and_writing_fails_as_on_bluez() -> None:
    async def story() -> None:
        lab = Lab()
        client = await lab.ready()
        lab.air.drop_link(lab.robot)
        await lab.until(lambda: lab.drops == [client])
        with pytest.raises(BleakError, match="Service Discovery"):
            await client.write_gatt_char(gatt_uuids.COMMANDS, b"x", response=True)
        again = await lab.ready()
        await lab.say(again, commands.ping(), 9)
        await lab.until(lambda: bool(lab.packets))

    run_virtually(story())


def test_what_is_not_there_is_waited_for_and_then_given_up() -> None:
    async def story() -> None:
        lab = Lab()
        loop = asyncio.get_running_loop()
        with pytest.raises(BleakDeviceNotFoundError):
            await lab.client("D0:00:00:00:00:01").connect()
        lab.robot.vanish()
        loop.call_later(0.5, setattr, lab.robot, "in_reach", True)
        client = lab.client()
        await client.connect()
        assert client.is_connected

    run_virtually(story())


def test_it_works_under_bleak_retry_connector() -> None:
    async def story() -> None:
        lab = Lab(Faults(refuse_connects=2))
        device = await BleakScanner.find_device_by_address(lab.robot.address, 5, backend=lab.backends.scanner)
        assert device is not None
        client = await establish_connection(
            BleakClientWithServiceCache, device, "BB-8", backend=lab.backends.client
        )
        assert all(client.services.get_characteristic(uuid) for uuid in gatt_uuids.REQUIRED)
        await client.disconnect()

    run_virtually(story())


def test_reads_give_what_the_robot_has_and_refuse_the_rest() -> None:
    async def story() -> None:
        lab = Lab()
        client = await lab.ready()
        assert await client.read_gatt_char("2a25") == b"C9000000B54A"
        with pytest.raises(BleakError, match="NotPermitted"):
            await client.read_gatt_char(gatt_uuids.COMMANDS)
        with pytest.raises(BleakError):
            await client.read_gatt_descriptor(1)
        await client.pair()
        await client.unpair()

    run_virtually(story())


def test_one_robot_needs_no_air() -> None:
    async def story() -> None:
        robot = SimulatedBB8(clock=asyncio.get_running_loop().time)
        found = await BleakScanner.discover(0.3, backend=backends(robot).scanner)
        assert [device.name for device in found] == ["BB-B54A"]

    run_virtually(story())
