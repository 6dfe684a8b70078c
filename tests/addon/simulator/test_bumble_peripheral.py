"""The simulated robot over bumble's virtual radio: found, driven, dropped and found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bb8_core.robot import commands, gatt_uuids
from bb8_core.robot.packet_framing import Packet, StreamDecoder, chunks, encode
from bb8_core.simulator.bluetooth_robot import SimulatedBB8
from bb8_core.simulator.bumble_peripheral import BumblePeripheral

pytest.importorskip("bumble", reason="SKIPPED: bumble is not installed")


class Radio:
    """A central and a robot on one virtual link."""

    def __init__(self) -> None:
        from bumble.controller import Controller
        from bumble.device import Device
        from bumble.hci import Address
        from bumble.host import Host
        from bumble.link import LocalLink
        from bumble.transport.common import AsyncPipeSink

        link = LocalLink()
        self.robot = SimulatedBB8()
        self.devices = []
        for address in ("F0:F0:F0:F0:F0:F0", self.robot.address):
            controller = Controller(address, link=link)
            host = Host(controller, AsyncPipeSink(controller))
            self.devices.append(Device(address=Address(address), host=host))
        self.central = self.devices[0]
        self.peripheral = BumblePeripheral(self.devices[1], self.robot)
        self.packets: list[Packet] = []
        self._decoder = StreamDecoder()

    async def connect(self) -> tuple[Any, dict[str, Any]]:
        """Connect, look at the GATT table and subscribe."""
        from bumble.device import Peer

        connection = await self.central.connect(self.devices[1].random_address, timeout=20)
        peer = Peer(connection)
        await peer.discover_services()
        await peer.discover_characteristics()
        table = {
            str(c.uuid.to_hex_str("-")).lower(): c
            for service in peer.services
            for c in service.characteristics
        }
        await peer.subscribe(table[gatt_uuids.RESPONSES], self._heard)
        return connection, table

    async def wake(self, table: dict[str, Any]) -> None:
        """Key, power, wake, and PING until it answers."""
        await table[gatt_uuids.ANTI_DOS].write_value(gatt_uuids.ANTI_DOS_KEY, with_response=True)
        await table[gatt_uuids.TX_POWER].write_value(gatt_uuids.TX_POWER_MAX, with_response=True)
        await table[gatt_uuids.WAKE].write_value(gatt_uuids.WAKE_UP, with_response=True)
        async with asyncio.timeout(60):
            while not self.packets:
                await self.say(table, commands.ping(), 1)
                await asyncio.sleep(0.1)

    async def say(self, table: dict[str, Any], command: commands.Command, seq: int) -> None:
        for piece in chunks(encode(command, seq)):
            await table[gatt_uuids.COMMANDS].write_value(piece, with_response=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.01)

    def _heard(self, data: bytes) -> None:
        self.packets += self._decoder.feed(bytes(data), 0.0)


@pytest.fixture
async def radio() -> AsyncIterator[Radio]:
    made = Radio()
    await made.central.power_on()
    await made.peripheral.start()
    yield made
    await made.peripheral.stop()


async def test_it_is_driven_over_the_air_and_found_again(radio: Radio) -> None:
    connection, table = await radio.connect()
    await radio.wake(table)
    await radio.say(table, commands.stop_on_disconnect(), 2)
    await radio.say(table, commands.roll(90, 45), 3)
    await radio.until(lambda: any(p[:2] == (0, 3) for p in radio.packets))
    assert radio.robot.motor == (90, 45, True)
    await radio.say(table, commands.get_bluetooth_info(), 4)
    await radio.until(lambda: any(p[:2] == (0, 4) and len(p[-1]) == 32 for p in radio.packets))

    radio.robot.hang_up()
    await radio.until(lambda: not radio.central.connections)
    assert not radio.robot.motor.moving

    again, _ = await radio.connect()
    assert radio.robot.connected
    await again.disconnect()
    await radio.until(lambda: not radio.robot.connected)
    assert connection is not again


async def test_its_advertisement_names_it(radio: Radio) -> None:
    heard: list[Any] = []
    radio.central.on("advertisement", heard.append)
    await radio.central.start_scanning()
    await radio.until(lambda: bool(heard))
    await radio.central.stop_scanning()
    from bumble.core import AdvertisingData

    assert heard[0].data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == "BB-B54A"
    assert len(bytes(heard[0].data)) <= 31
