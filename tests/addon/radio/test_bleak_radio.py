"""The radio through bleak: which connections it ends, and whether they have ended."""

from __future__ import annotations

import asyncio
from typing import Any

import bleak_retry_connector
import pytest
from bleak.backends.bluezdbus import manager
from bleak.backends.service import BleakGATTServiceCollection
from bleak_retry_connector import BleakClientWithServiceCache

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError, Sighting
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.bleak_radio import Backends, BleakPeer, BleakRadio
from bb8_core.simulator.bleak_backend import Air, backends
from bb8_core.simulator.bluetooth_robot import SimulatedBB8

CONFIGURED, REMEMBERED = "C9:00:00:00:B5:4A", "D0:00:00:00:00:01"


@pytest.mark.parametrize(
    ("target", "remembered", "closed"),
    [
        (Target(CONFIGURED), REMEMBERED, [CONFIGURED]),
        (Target(), REMEMBERED, [REMEMBERED]),
        (Target(), "", []),
    ],
)
async def test_the_connection_of_an_earlier_run_is_ended_by_address(
    monkeypatch: pytest.MonkeyPatch, target: Target, remembered: str, closed: list[str]
) -> None:
    asked: list[str] = []

    async def close(address: str) -> None:
        asked.append(address)

    monkeypatch.setattr(bleak_retry_connector, "close_stale_connections_by_address", close)
    await BleakRadio(target).close_stale(remembered)
    assert asked == closed


async def test_a_bluetooth_service_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def close(_: str) -> None:
        raise FileNotFoundError("/run/dbus/system_bus_socket")

    monkeypatch.setattr(bleak_retry_connector, "close_stale_connections_by_address", close)
    with pytest.raises(LinkError) as caught:
        await BleakRadio(Target(CONFIGURED)).close_stale()
    assert caught.value.cause is Cause.NO_BLUETOOTH


async def test_a_connection_that_is_given_up_while_its_services_are_checked_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clearing = asyncio.Event()

    async def clear_cache(self: BleakClientWithServiceCache) -> bool:
        clearing.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(BleakClientWithServiceCache, "clear_cache", clear_cache)
    robot = SimulatedBB8()
    simulated = backends(Air([robot]))
    real = simulated.client.connect

    async def connect(self: Any, pair: bool, **more: Any) -> None:
        await real(self, pair, **more)
        self.services = BleakGATTServiceCollection()

    monkeypatch.setattr(simulated.client, "connect", connect)
    radio = BleakRadio(Target(), "", Backends(simulated.client, simulated.scanner))
    seen: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
    await radio.start_scan(lambda sighting: seen.done() or seen.set_result(sighting))
    sighting = await asyncio.wait_for(seen, 60)
    await radio.stop_scan()
    connecting = asyncio.ensure_future(radio.connect(sighting, lambda: None))
    await asyncio.wait_for(clearing.wait(), 60)
    assert robot.connected
    connecting.cancel()
    await asyncio.wait((connecting,))
    assert not robot.connected


class Client:
    """A client of bleak whose disconnect does what the test says."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def disconnect(self) -> None:
        if self.error is not None:
            raise self.error


class Objects:
    """BlueZ's objects as bleak knows them."""

    def __init__(self, connected: bool) -> None:
        self.connected = connected

    def is_connected(self, path: str) -> bool:
        assert path == "/org/bluez/hci0/dev_1"
        return self.connected


@pytest.mark.parametrize(
    ("error", "still_connected", "ended"),
    [(None, False, True), (None, True, False), (OSError("the bus is gone"), False, False)],
)
async def test_a_connection_has_ended_only_if_bluez_reports_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, still_connected: bool, ended: bool
) -> None:
    """bleak also reports a disconnect when its own D-Bus connection has ended."""

    async def objects() -> Objects:
        return Objects(still_connected)

    monkeypatch.setattr(manager, "get_global_bluez_manager", objects)
    peer = BleakPeer(Client(error), "/org/bluez/hci0/dev_1")  # type: ignore[arg-type]
    assert await peer.disconnect() is ended
