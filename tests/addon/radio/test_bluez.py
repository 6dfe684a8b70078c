"""BlueZ beside bleak, on a real bus: the robot that the host still holds, and restarts of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.addon.guard.bus import Bus

from bb8_core.radio import bleak_radio, bluez
from bb8_core.radio.bleak_radio import BleakRadio
from bb8_core.radio.matching import Target

ADDRESS = "C9:00:00:00:B5:4A"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    made = Bus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("target", "adapter", "connected", "found"),
    [
        (Target(), "", True, ADDRESS),
        (Target(name="BB-B54A"), "hci0", True, ADDRESS),
        (Target(name="BB-0001"), "", True, ""),
        (Target(), "hci1", True, ""),
        (Target(), "", False, ""),
    ],
)
async def test_a_robot_that_the_host_holds_is_found_by_what_is_known_of_it(
    bus: Bus, target: Target, adapter: str, connected: bool, found: str
) -> None:
    bus.device.connected = connected
    assert await bluez.held_address(target, adapter) == found


async def test_without_an_address_the_robot_that_the_host_holds_is_disconnected(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    async def close(address: str) -> None:
        closed.append(address)

    monkeypatch.setattr(bleak_radio, "close_stale_connections_by_address", close)
    await BleakRadio(Target()).close_stale()
    assert closed == [ADDRESS]


async def restart_until(bus: Bus, noticed: asyncio.Event) -> None:
    """Restart the service again and again: the watch may only have begun."""
    async with asyncio.timeout(20):
        while not noticed.is_set():
            await asyncio.to_thread(bus.restart_bluez)
            await asyncio.sleep(0.05)


async def end(watching: asyncio.Task[None]) -> None:
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_a_restart_of_the_bluetooth_service_is_noticed(bus: Bus) -> None:
    restarted = asyncio.Event()
    watching = asyncio.create_task(BleakRadio(Target()).watch(restarted.set))
    await restart_until(bus, restarted)
    await end(watching)


async def test_a_bus_that_comes_later_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    monkeypatch.setattr(bluez, "RETRY_S", 0.01)
    restarted = asyncio.Event()
    watching = asyncio.create_task(bluez.watch_restarts(restarted.set))
    await asyncio.sleep(0.1)
    assert not watching.done()
    made = await asyncio.to_thread(Bus, tmp_path)
    await restart_until(made, restarted)
    await end(watching)
    await asyncio.to_thread(made.close)
