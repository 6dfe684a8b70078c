"""The switch of the scanner on a clock that jumps: no start is abandoned if its caller is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from bleak.exc import BleakError
from tests.addon.virtual import run_virtually

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError
from bb8_core.radio.scan_switch import OFF_PATIENCE_S, SCAN_DEADLINE_S, ScanSwitch


class Adapter:
    """One adapter as BlueZ has it: a start that was asked for is carried out, even if its caller has gone."""

    def __init__(self) -> None:
        self.takes_s = 0.0
        self.stops_in_s = 0.0
        self.fails: Exception | None = None
        self.scanning = False
        self.starting = False
        self.starts = self.stops = 0

    async def start(self) -> None:
        if self.starting or self.scanning:
            raise BleakError("[org.bluez.Error.InProgress] Operation already in progress")
        self.starting = True
        self.starts += 1
        asyncio.get_running_loop().call_later(self.takes_s, self._started)
        await asyncio.sleep(self.takes_s)
        if self.fails is not None:
            raise self.fails

    def _started(self) -> None:
        self.starting = False
        self.scanning = self.fails is None

    async def stop(self) -> None:
        await asyncio.sleep(self.stops_in_s)
        self.scanning = False
        self.stops += 1


def play(story: Callable[[ScanSwitch, Adapter], Awaitable[None]]) -> None:
    async def whole() -> None:
        adapter = Adapter()
        await story(ScanSwitch(lambda: adapter), adapter)

    run_virtually(whole())


def test_a_scan_that_is_not_wanted_any_more_when_it_has_started_is_stopped() -> None:
    async def story(switch: ScanSwitch, adapter: Adapter) -> None:
        adapter.takes_s = 5.0
        asking = asyncio.ensure_future(switch.on())
        await asyncio.sleep(1)
        asking.cancel()
        before = asyncio.get_running_loop().time()
        await switch.off()
        assert asyncio.get_running_loop().time() - before <= OFF_PATIENCE_S
        await switch.settled()
        assert (adapter.starts, adapter.stops, adapter.scanning) == (1, 1, False)
        await switch.on()
        assert (adapter.starts, adapter.scanning) == (2, True)

    play(story)


def test_a_start_that_takes_too_long_is_adopted_by_the_next_one() -> None:
    async def story(switch: ScanSwitch, adapter: Adapter) -> None:
        adapter.takes_s = 2.5 * SCAN_DEADLINE_S
        for _ in range(2):
            with pytest.raises(LinkError) as caught:
                await switch.on()
            assert caught.value.cause is Cause.RADIO_BUSY
            await switch.off()
        await switch.on()
        assert (adapter.starts, adapter.stops, adapter.scanning) == (1, 0, True)

    play(story)


def test_a_start_waits_for_a_stop_that_is_being_carried_out() -> None:
    async def story(switch: ScanSwitch, adapter: Adapter) -> None:
        await switch.on()
        adapter.stops_in_s = 3.0
        await switch.off()
        assert adapter.scanning
        await switch.on()
        assert (adapter.starts, adapter.stops, adapter.scanning) == (2, 1, True)

    play(story)


def test_a_start_that_fails_is_reported_and_tried_again_by_the_next_one() -> None:
    async def story(switch: ScanSwitch, adapter: Adapter) -> None:
        adapter.fails = BleakError("org.bluez.Error.NotReady")
        for _ in range(2):
            with pytest.raises(LinkError) as caught:
                await switch.on()
            assert caught.value.cause is Cause.ADAPTER_OFF
        adapter.fails = None
        await switch.on()
        assert (adapter.starts, adapter.scanning) == (3, True)

    play(story)
