"""The link through Bluetooth proxies: the stories that BlueZ passes, and what only proxies do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aioesphomeapi", reason="SKIPPED: aioesphomeapi is not installed")

from aioesphomeapi.model import BluetoothProxyFeature
from tests.addon.radio.proxies.fake_proxy import KEY, FakeProxy

from bb8_core.link import robot_search
from bb8_core.link.connection_states import Cause, LinkState, Status
from bb8_core.link.radio_interface import AnswerTimeout, LinkError
from bb8_core.link.robot_connection import LinkConfig, RobotLink
from bb8_core.radio import radio_choice
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.bleak_radio import Backends, BleakRadio
from bb8_core.radio.proxies import proxy_connection, proxy_peer
from bb8_core.radio.proxies.proxy_address import ProxyAddress
from bb8_core.radio.proxies.proxy_radio import ProxyRadio
from bb8_core.radio.proxies.proxy_states import ProxyState
from bb8_core.radio.several_radios import SeveralRadios
from bb8_core.robot import commands, gatt_uuids
from bb8_core.simulator.bleak_backend import Air, backends
from bb8_core.simulator.bluetooth_robot import SimulatedBB8

PATIENCE_S = 60.0
OTHER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ADDON = Path(__file__).parents[4] / "addon"


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - what is waited for happens in several places
            await asyncio.sleep(0.01)


class House:
    """A robot, the host's adapter, which hears it at -52 dBm or not at all, and proxies."""

    def __init__(self, adapter: str) -> None:
        self.robot = SimulatedBB8()
        self.air = Air([self.robot] if adapter == "near" else [])
        if adapter == "none":
            self.air.adapter_on = False
        self.nodes: list[FakeProxy] = []
        self.states: list[Status] = []
        self.link: RobotLink
        self.radio: SeveralRadios
        self._tasks: list[asyncio.Future[Any]] = []

    async def node(self, name: str, **how: Any) -> FakeProxy:
        node = await FakeProxy(self.robot, name=name, **how).start()
        self.nodes.append(node)
        return node

    def open(self, key: str = KEY) -> None:
        """Start the link, with all proxies that there are."""
        simulated = backends(self.air)
        adapter = BleakRadio(Target(), "", Backends(simulated.client, simulated.scanner))
        addresses = [ProxyAddress("127.0.0.1", node.port, key) for node in self.nodes]
        self.radio = SeveralRadios(adapter, [ProxyRadio(address, Target()) for address in addresses])
        config = LinkConfig(keep_connected=True)
        self.link = RobotLink(self.radio, config, self.states.append, lambda _: None)
        self._tasks = [asyncio.ensure_future(self.link.run()), asyncio.ensure_future(self.radio.run())]

    async def ready(self, through: str) -> None:
        await until(lambda: self.link.ready)
        assert self.link.through == through

    async def drive(self) -> None:
        answer = await self.link.channel.request(commands.roll(60, 0), PATIENCE_S)
        assert answer.ok
        assert self.robot.motor.speed == 60

    def proxy_states(self) -> list[ProxyState]:
        return [proxy.state for proxy in self.radio.proxies]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for node in self.nodes:
            await node.stop()


@contextlib.asynccontextmanager
async def house(adapter: str = "far") -> AsyncIterator[House]:
    one = House(adapter)
    try:
        yield one
    finally:
        await one.close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds are short: how long a silent robot is not yet absent, and a lost node is not asked again.

    A robot that does not answer is waited for a second, which no test needs it to answer in.
    """
    monkeypatch.setattr(robot_search, "SILENCE_S", 1.0)
    monkeypatch.setattr(robot_search, "LOOK_EVERY_S", 0.5)
    monkeypatch.setattr(robot_search, "FRESH_S", 0.5)
    monkeypatch.setattr(proxy_peer, "CONNECT_RESPONSE_S", 1.0)
    monkeypatch.setattr(proxy_peer, "DISCONNECT_DEADLINE_S", 1.0)
    monkeypatch.setattr(proxy_connection, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(proxy_connection, "LONGEST_PAUSE_S", 0.2)


async def test_the_link_lives_through_rounds_as_with_bluez() -> None:
    async with house() as one:
        await one.node("kitchen")
        one.open()
        for count in (1, 2, 3):
            await one.ready("kitchen")
            await one.drive()
            answer = await one.link.channel.request(commands.stop(0), PATIENCE_S)
            assert answer.ok
            assert one.robot.motor.speed == 0
            await one.drive()
            one.robot.vanish()
            await until(lambda: not one.link.ready)
            assert one.robot.motor.speed == 0
            await until(lambda: one.link.status.state is LinkState.ABSENT)
            assert one.link.losses == count
            one.robot.in_reach = True
        await one.ready("kitchen")
        assert one.link.readiness is not None
        assert one.link.readiness.motion_timeout_ms > 0
        assert one.link.stoppable


async def test_a_proxy_that_loses_its_power_while_the_robot_moves_stops_it_and_is_used_again() -> None:
    async with house() as one:
        node = await one.node("kitchen")
        one.open()
        await one.ready("kitchen")
        await one.drive()
        one.robot.faults.silence = True
        waiting = await one.link.channel.send(commands.ping(), PATIENCE_S)
        await node.stop()
        with pytest.raises(LinkError):
            await waiting
        assert one.link.status.cause is Cause.DROPPED
        assert "Bluetooth proxy kitchen" in one.link.status.remedy
        assert one.robot.motor.speed == 0
        await until(lambda: one.proxy_states() == [ProxyState.UNREACHABLE])
        one.robot.faults.silence = False
        await node.start()
        await one.ready("kitchen")
        assert one.link.losses == 1


async def test_without_wi_fi_the_robot_stops_itself_and_an_unconfirmed_disconnect_ends_the_session() -> None:
    async with house() as one:
        node = await one.node("kitchen")
        one.open()
        await one.ready("kitchen")
        await one.drive()
        node.freeze(True)
        (wire,) = node.clients
        with pytest.raises((AnswerTimeout, LinkError)):
            await one.link.channel.request(commands.stop(0), 0.3)
        await until(lambda: one.robot.motor.speed == 0)
        assert one.robot.connected
        one.link.cut(Cause.STOP_UNANSWERED)
        await until(lambda: not one.robot.connected)
        assert isinstance(wire.error, ConnectionResetError)  # what was not sent yet never arrives
        await one.ready("kitchen")


async def test_a_robot_that_a_killed_bridge_held_is_freed_and_found() -> None:
    async with house() as one:
        node = await one.node("kitchen")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            HOLD,
            str(node.port),
            KEY,
            env=os.environ | {"PYTHONPATH": str(ADDON)},
        )
        try:
            await until(lambda: one.robot.connected or process.returncode is not None)
            assert process.returncode is None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await until(lambda: not one.robot.connected)
        one.open()
        await one.ready("kitchen")


HOLD = """
import asyncio, sys
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.proxies.proxy_address import ProxyAddress
from bb8_core.radio.proxies.proxy_radio import ProxyRadio
async def main():
    radio = ProxyRadio(ProxyAddress("127.0.0.1", int(sys.argv[1]), sys.argv[2]), Target())
    running = asyncio.ensure_future(radio.run())
    seen = asyncio.get_running_loop().create_future()
    await radio.start_scan(lambda sighting: seen.done() or seen.set_result(sighting))
    await radio.connect(await seen, lambda: None)
    await running
asyncio.run(main())
"""


async def test_of_several_radios_the_one_with_the_best_signal_is_used_and_then_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # How often the lost node is tried before it is not fresh depends on the machine; each time counts 20 dB.
    monkeypatch.setattr(radio_choice, "FORGET_FAILURES_S", radio_choice.FRESH_S)
    async with house("near") as one:
        await one.node("cellar", rssi=-80)
        near = await one.node("kitchen", rssi=-40)
        one.open()
        await one.ready("kitchen")
        await near.stop()
        await until(lambda: not one.link.ready)
        await until(lambda: one.link.ready)
        assert one.link.through == ""
        one.air.adapter_on = False
        await until(lambda: not one.link.ready)
        await one.ready("cellar")
        one.robot.hang_up()
        await until(lambda: not one.link.ready)
        await near.start()
        await until(lambda: one.proxy_states()[1] is ProxyState.ONLINE)
        one.link.release(Cause.USER)
        await until(lambda: through_of(one.link) == "kitchen")
        one.link.want()
        await one.ready("kitchen")


def through_of(link: RobotLink) -> str:
    """The radio that hears the robot best now."""
    return link.search.sighting.through if link.search.sighting else ""


async def test_without_an_adapter_proxies_are_enough() -> None:
    async with house("none") as one:
        node = await one.node("kitchen")
        await node.stop()
        one.open()
        await until(lambda: one.link.status.state is LinkState.ADAPTER_OFF)
        await node.start()
        await one.ready("kitchen")


@pytest.mark.parametrize(
    ("node_key", "key", "features", "state"),
    [
        (KEY, OTHER_KEY, None, ProxyState.WRONG_KEY),
        (KEY, "", None, ProxyState.KEY_MISSING),
        ("", KEY, None, ProxyState.NOT_ENCRYPTED),
        (KEY, KEY, int(BluetoothProxyFeature.PASSIVE_SCAN), ProxyState.NOT_A_PROXY),
    ],
)
async def test_a_proxy_that_cannot_be_used_gives_one_message_and_the_adapter_works(
    caplog: pytest.LogCaptureFixture, node_key: str, key: str, features: int | None, state: ProxyState
) -> None:
    caplog.set_level(logging.DEBUG)
    async with house("near") as one:
        node = await one.node("kitchen", key=node_key)
        node.features = node.features if features is None else features
        one.open(key)
        await until(lambda: one.proxy_states() == [state])
        await one.ready("")
        tries = len(records(caplog, logging.DEBUG))
        await until(lambda: len(records(caplog, logging.DEBUG)) > tries + 2)
    (warning,) = records(caplog, logging.WARNING)
    assert one.radio.proxies[0].remedy in warning
    assert OTHER_KEY not in caplog.text
    assert KEY not in caplog.text


def records(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [
        each.getMessage() for each in caplog.records if each.name == "bb8.proxy" and each.levelno == level
    ]


async def test_an_address_with_more_than_48_bits_does_not_hide_the_robot() -> None:
    async with house() as one:
        node = await one.node("kitchen")
        node.strangers = [1 << 48, (1 << 64) - 1]
        one.open()
        await one.ready("kitchen")


async def test_a_name_that_is_not_resolved_in_time_makes_the_proxy_unreachable_and_delays_no_other_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[Any]:
        asked.set()
        answered.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(proxy_connection.socket, "getaddrinfo", hang)
    monkeypatch.setattr(proxy_connection, "OPEN_DEADLINE_S", 0.2)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    radio = ProxyRadio(ProxyAddress("kitchen.example"), Target())
    running = asyncio.ensure_future(radio.run())
    try:
        await until(lambda: radio.status.state is ProxyState.UNREACHABLE)
        await until(asked.is_set)
        async with asyncio.timeout(PATIENCE_S / 2):
            assert await asyncio.to_thread(lambda: "done") == "done"
    finally:
        answered.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_node_without_encryption_is_used_without_a_key() -> None:
    async with house() as one:
        await one.node("kitchen", key="")
        one.open("")
        await one.ready("kitchen")


async def test_a_proxy_without_a_free_connection_is_named_and_used_once_it_has_one() -> None:
    async with house() as one:
        node = await one.node("kitchen")
        node.slots = 0
        one.open()
        await until(lambda: one.proxy_states() == [ProxyState.FULL])
        await until(lambda: one.link.status.cause is Cause.NO_SLOT)
        assert one.link.status.reason == "The Bluetooth proxy kitchen has no free connection."
        node.slots = 1
        node.report_slots()
        await one.ready("kitchen")
        # The robot itself has the last one now.
        assert one.proxy_states() == [ProxyState.ONLINE]


@pytest.mark.parametrize("state_reports", [True, False])
async def test_a_node_that_serves_another_program_says_so_and_is_used_when_it_is_free(
    monkeypatch: pytest.MonkeyPatch, state_reports: bool
) -> None:
    monkeypatch.setattr(proxy_connection, "SILENCE_S", 0.3)
    async with house() as one:
        node = await one.node("kitchen")
        if not state_reports:
            node.features &= ~int(BluetoothProxyFeature.FEATURE_STATE_AND_MODE)
        other = object()
        node.subscriber = Deaf(other)  # type: ignore[assignment]
        one.open()
        await until(lambda: one.proxy_states() == [ProxyState.IN_USE])
        assert node.connects == 0
        node.subscriber = None
        await one.ready("kitchen")
        assert one.proxy_states() == [ProxyState.ONLINE]


class Deaf:
    """Another program at the node."""

    def __init__(self, other: object) -> None:
        self.other = other

    def send(self, message: Any) -> None:
        pass


async def test_an_outdated_service_list_is_cleared_once_and_then_it_works() -> None:
    async with house() as one:
        node = await one.node("kitchen")
        node.missing = {gatt_uuids.RESPONSES}
        one.open()
        await one.ready("kitchen")
        assert node.caches_cleared == 1
        assert Cause.STALE_SERVICES in [status.cause for status in one.states]


async def test_a_connection_that_breaks_while_it_is_made_is_tried_again_at_once() -> None:
    async with house() as one:
        node = await one.node("kitchen")
        one.robot.faults.refuse_connects = 1
        one.open()
        await until(lambda: node.connects == 1)
        await one.ready("kitchen")
        assert Cause.CONNECT_FAILED in [status.cause for status in one.states]


async def test_a_node_that_is_lost_while_it_connects_ends_the_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proxy_peer, "CONNECT_RESPONSE_S", 10 * PATIENCE_S)
    monkeypatch.setattr(proxy_peer, "CONNECT_DEADLINE_S", 10 * PATIENCE_S)
    async with house() as one:
        node = await one.node("kitchen")
        node.connecting_works = False
        one.open()
        await until(lambda: node.connects == 1)
        await node.stop()
        await until(lambda: Cause.DROPPED in [status.cause for status in one.states])
        node.connecting_works = True
        await node.start()
        await one.ready("kitchen")


async def test_a_disconnect_while_connecting_gives_the_slot_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_peer, "CONNECT_RESPONSE_S", 10 * PATIENCE_S)
    monkeypatch.setattr(proxy_peer, "CONNECT_DEADLINE_S", 10 * PATIENCE_S)
    async with house() as one:
        node = await one.node("kitchen")
        node.connecting_works = False
        one.open()
        await until(lambda: node.connects == 1)
        one.link.release(Cause.USER)
        await until(lambda: one.link.status.state is LinkState.RELEASED and node.free == node.slots)
        node.connecting_works = True
        one.link.want()
        await one.ready("kitchen")
