"""Several radios as one, on a clock that jumps: whose failure counts, and how long each is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.addon.virtual import run_virtually

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError, Peer, Sighting
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.bleak_radio import Backends, BleakRadio
from bb8_core.radio.proxies.proxy_states import ProxyState, ProxyStatus, explain_proxy
from bb8_core.radio.several_radios import ADAPTER_AGAIN_S, SETTLE_S, SeveralRadios
from bb8_core.simulator.bleak_backend import Air, backends
from bb8_core.simulator.bluetooth_robot import SimulatedBB8
from bb8_core.task_group import TaskEnded

ADDRESS = "C9:00:00:00:B5:4A"


class OneRadio:
    """A radio that does what the test says."""

    def __init__(self, through: str = "", state: ProxyState = ProxyState.ONLINE) -> None:
        self.through = through
        self.state = state
        self.online = state is ProxyState.ONLINE
        self.free = True
        self.start_fails: Exception | None = None
        self.start_takes_s = 0.0
        self.connect_fails: LinkError | None = None
        self.starts = self.connects = 0
        self.target = Target()
        self.report: Callable[[Sighting], None] | None = None

    @property
    def status(self) -> ProxyStatus:
        return explain_proxy(self.through, self.state)

    async def run(self) -> None:
        pass

    async def close_stale(self, remembered: str = "") -> None:
        pass

    def look_for(self, target: Target) -> None:
        self.target = target

    async def start_scan(self, on_sighting: Callable[[Sighting], None]) -> None:
        self.starts += 1
        await asyncio.sleep(self.start_takes_s)
        if self.start_fails is not None:
            raise self.start_fails
        self.report = on_sighting

    async def stop_scan(self) -> None:
        self.report = None

    async def connect(self, sighting: Sighting, on_drop: Callable[[], None]) -> Peer:
        self.connects += 1
        assert sighting.device == f"device of {self.through}"
        if self.connect_fails is not None:
            raise self.connect_fails
        return self  # type: ignore[return-value]

    def hear(self, rssi: int) -> None:
        assert self.report is not None
        now = asyncio.get_running_loop().time()
        self.report(Sighting(f"device of {self.through}", ADDRESS, "BB-B54A", rssi, now, self.through))


def told(radios: SeveralRadios) -> tuple[list[Sighting], Coroutine[Any, Any, None]]:
    """What is reported, and the start of the scan."""
    heard: list[Sighting] = []
    return heard, radios.start_scan(heard.append)


def test_the_others_get_a_second_to_hear_the_robot_better() -> None:
    async def story() -> None:
        adapter, kitchen = OneRadio(), OneRadio("kitchen")
        radios = SeveralRadios(adapter, [kitchen])
        heard, starting = told(radios)
        await starting
        await asyncio.sleep(0.1)
        adapter.hear(-70)
        await asyncio.sleep(SETTLE_S / 2)
        assert heard == []
        kitchen.hear(-50)
        await asyncio.sleep(SETTLE_S)
        assert [each.through for each in heard] == ["kitchen"]
        adapter.hear(-70)
        assert heard[-1].through == "kitchen"
        await radios.stop_scan()

    run_virtually(story())


def test_a_proxy_that_is_being_connected_is_waited_for_but_not_for_ever() -> None:
    async def story() -> None:
        adapter, slow = OneRadio(), OneRadio("slow", ProxyState.CONNECTING)
        radios = SeveralRadios(adapter, [slow])
        heard, starting = told(radios)
        await starting
        began = asyncio.get_running_loop().time()
        while not heard:
            adapter.hear(-70)
            await asyncio.sleep(0.1)
        assert SETTLE_S < asyncio.get_running_loop().time() - began < 6 * SETTLE_S
        await radios.stop_scan()

    run_virtually(story())


@pytest.mark.parametrize("proxies", [[], [OneRadio("gone", ProxyState.UNREACHABLE)]])
def test_without_another_radio_the_adapter_reports_at_once(proxies: list[OneRadio]) -> None:
    async def story() -> None:
        adapter = OneRadio()
        radios = SeveralRadios(adapter, proxies)
        heard, starting = told(radios)
        await starting
        adapter.hear(-70)
        assert len(heard) == 1
        await radios.stop_scan()

    run_virtually(story())


def test_a_failing_adapter_counts_only_while_no_proxy_is_connected() -> None:
    async def story() -> None:
        adapter, kitchen = OneRadio(), OneRadio("kitchen", ProxyState.UNREACHABLE)
        adapter.start_fails = LinkError(Cause.NO_ADAPTER)
        radios = SeveralRadios(adapter, [kitchen])
        for _ in range(2):
            with pytest.raises(LinkError):
                await radios.start_scan(lambda _: None)
        kitchen.online = True
        for _ in range(3):
            await radios.start_scan(lambda _: None)
            await asyncio.sleep(0.1)
        assert adapter.starts == 3
        await asyncio.sleep(ADAPTER_AGAIN_S)
        adapter.start_fails = None
        await radios.start_scan(lambda _: None)
        await asyncio.sleep(0.1)
        assert (adapter.starts, adapter.report is not None) == (4, True)
        await radios.stop_scan()
        assert adapter.report is None

    run_virtually(story())


def test_an_adapter_that_hangs_does_not_hold_up_the_proxies() -> None:
    async def story() -> None:
        adapter, kitchen = OneRadio(), OneRadio("kitchen")
        adapter.start_takes_s = 1000.0
        radios = SeveralRadios(adapter, [kitchen])
        heard, starting = told(radios)
        await starting
        kitchen.hear(-50)
        await asyncio.sleep(2 * SETTLE_S)
        assert [each.through for each in heard] == ["kitchen"]
        await radios.stop_scan()
        assert adapter.report is None

    run_virtually(story())


def test_a_radio_that_cannot_connect_leaves_the_next_attempt_to_another() -> None:
    async def story() -> None:
        adapter, kitchen = OneRadio(), OneRadio("kitchen")
        kitchen.connect_fails = LinkError(Cause.CONNECT_TIMEOUT)
        radios = SeveralRadios(adapter, [kitchen])
        for expected in (kitchen, adapter):
            heard, starting = told(radios)
            await starting
            await asyncio.sleep(0.1)
            adapter.hear(-60)
            kitchen.hear(-50)
            await asyncio.sleep(2 * SETTLE_S)
            await radios.stop_scan()
            if expected is kitchen:
                with pytest.raises(LinkError):
                    await radios.connect(heard[0], lambda: None)
            else:
                assert await radios.connect(heard[0], lambda: None) is adapter
        assert (kitchen.connects, adapter.connects) == (1, 1)
        assert kitchen.target == adapter.target == Target(ADDRESS, "BB-B54A")

    run_virtually(story())


def test_what_is_heard_after_the_scan_has_ended_is_not_reported() -> None:
    async def story() -> None:
        adapter, kitchen = OneRadio(), OneRadio("kitchen")
        radios = SeveralRadios(adapter, [kitchen])
        heard, starting = told(radios)
        await starting
        await asyncio.sleep(0.1)
        late = adapter.report
        adapter.hear(-60)
        await radios.stop_scan()
        assert late is not None
        late(Sighting("device of ", ADDRESS, "BB-B54A", -60, 0.0))
        await asyncio.sleep(2 * SETTLE_S)
        assert heard == []

    run_virtually(story())


def test_the_adapters_scan_that_is_starting_when_a_proxy_connects_is_stopped_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BlueZ carries out a start whose caller has gone, and refuses every other start then."""
    states: list[str] = []

    async def story() -> None:
        simulated = backends(Air([SimulatedBB8(clock=asyncio.get_running_loop().time)]))
        start, stop = simulated.scanner.start, simulated.scanner.stop

        async def slow(self: Any) -> None:
            if states and states[-1] != "stopped":
                raise OSError("[org.bluez.Error.InProgress] Operation already in progress")
            states.append("starting")
            await asyncio.sleep(5)
            states.append("started")
            await start(self)

        async def noted(self: Any) -> None:
            states.append("stopped")
            await stop(self)

        monkeypatch.setattr(simulated.scanner, "start", slow)
        monkeypatch.setattr(simulated.scanner, "stop", noted)
        adapter = BleakRadio(Target(), "", Backends(simulated.client, simulated.scanner))
        radios = SeveralRadios(adapter, [OneRadio("kitchen")])
        await radios.start_scan(lambda _: None)
        await asyncio.sleep(1)
        await radios.stop_scan()
        await asyncio.sleep(10)
        assert states == ["starting", "started", "stopped"]
        await radios.start_scan(lambda _: None)
        await asyncio.sleep(10)
        assert states[-2:] == ["starting", "started"]
        await radios.stop_scan()

    run_virtually(story())


def test_a_proxy_whose_task_ends_by_itself_is_reported_and_without_proxies_nothing_ends() -> None:
    async def story() -> None:
        with pytest.raises(TaskEnded):
            await SeveralRadios(OneRadio(), [OneRadio("kitchen")]).run()
        running = asyncio.ensure_future(SeveralRadios(OneRadio(), []).run())
        await asyncio.sleep(100)
        assert not running.done()
        running.cancel()

    run_virtually(story())
