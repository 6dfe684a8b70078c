"""The host's adapter and Bluetooth proxies as one radio: the one that hears the robot best connects to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from bb8_core.link.radio_interface import LinkError, Peer, Radio, Sighting
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.proxies.proxy_states import ProxyState, ProxyStatus
from bb8_core.radio.radio_choice import Reception, best
from bb8_core.task_group import run_together

SETTLE_S: Final = 1.0
"""After the first advertisement the other radios get so long to hear the robot as well."""
CONNECTING_TRIES: Final = 3
"""So often that time is given again while a proxy is being connected for the first time."""
ADAPTER_AGAIN_S: Final = 30.0
"""An adapter that does not work is tried again so often while a proxy is connected."""

_log = logging.getLogger("bb8.radio")


class Adapter(Radio, Protocol):
    """The host's own adapter."""

    async def close_stale(self, remembered: str = "") -> None:
        """End a connection that an earlier run left."""

    def look_for(self, target: Target) -> None:
        """Look only for this robot from now on."""


class Proxy(Radio, Protocol):
    """A Bluetooth proxy, whose `start_scan` returns at once and never raises."""

    @property
    def status(self) -> ProxyStatus:
        """Whether it can be used, in words."""

    @property
    def online(self) -> bool:
        """Whether it is connected."""

    @property
    def free(self) -> bool:
        """Whether it can take another connection."""

    def look_for(self, target: Target) -> None:
        """Look only for this robot from now on."""

    async def run(self) -> None:
        """Stay connected to it until cancelled."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """The device of a sighting together with the radio that it belongs to: 0 is the adapter."""

    radio: int
    device: object


class SeveralRadios:
    """One adapter and any number of proxies. A radio that fails never stops the others."""

    def __init__(self, adapter: Adapter, proxies: Sequence[Proxy]) -> None:
        """`run` connects to the proxies."""
        self._adapter = adapter
        self._proxies = tuple(proxies)
        self._radios: tuple[Adapter | Proxy, ...] = (adapter, *proxies)
        self._receptions = [Reception() for _ in self._radios]
        self._on_sighting: Callable[[Sighting], None] | None = None
        self._settling: asyncio.TimerHandle | None = None
        self._settled = False
        self._starting: asyncio.Task[None] | None = None
        self._adapter_again = float("-inf")
        self._adapter_failed = False

    @property
    def proxies(self) -> tuple[ProxyStatus, ...]:
        """The state of each proxy."""
        return tuple(proxy.status for proxy in self._proxies)

    async def run(self) -> None:
        """Stay connected to all proxies until cancelled; without any there is nothing to do."""
        if not self._proxies:
            await asyncio.Event().wait()
        proxies = enumerate(self._proxies, 1)
        await run_together(**{f"proxy {number}": proxy.run() for number, proxy in proxies})

    async def close_stale(self, remembered: str = "") -> None:
        """End a connection of an earlier run; proxies have ended theirs when its process ended."""
        await self._adapter.close_stale(remembered)

    async def start_scan(self, on_sighting: Callable[[Sighting], None]) -> None:
        """Listen with all radios; the adapter's LinkError counts only while no proxy is connected."""
        self._on_sighting = on_sighting
        for index, proxy in enumerate(self._proxies, 1):
            await proxy.start_scan(partial(self._heard, index))
        starting = self._start_adapter()
        if any(proxy.online for proxy in self._proxies):
            self._note_adapter(starting)
            return
        await asyncio.wait((starting,))
        if _failed(starting):
            self._starting = None
            await starting

    async def stop_scan(self) -> None:
        """Stop listening with all radios."""
        self._on_sighting = None
        self._settled = False
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        for radio in self._radios:
            await radio.stop_scan()

    async def connect(self, sighting: Sighting, on_drop: Callable[[], None]) -> Peer:
        """Connect with the radio that the sighting is of; all radios look for this robot from now on."""
        heard: _Heard = sighting.device
        radio = self._radios[heard.radio]
        try:
            peer = await radio.connect(replace(sighting, device=heard.device), on_drop)
        except LinkError:
            now = asyncio.get_running_loop().time()
            self._receptions[heard.radio] = self._receptions[heard.radio].fail(now)
            raise
        self._receptions[heard.radio] = self._receptions[heard.radio].succeed()
        for each in self._radios:
            each.look_for(Target(sighting.address, sighting.name))
        return peer

    def _start_adapter(self) -> asyncio.Task[None]:
        """Start the adapter's scan as a task, because it may take its time to fail."""
        now = asyncio.get_running_loop().time()
        starting = self._starting
        if starting is None or (_failed(starting) and now >= self._adapter_again):
            self._adapter_again = now + ADAPTER_AGAIN_S
            starting = asyncio.ensure_future(self._adapter.start_scan(partial(self._heard, 0)))
        self._starting = starting
        return starting

    def _note_adapter(self, starting: asyncio.Task[None]) -> None:
        """Log once that only the proxies listen."""
        failed = _failed(starting)
        if failed and not self._adapter_failed:
            _log.info("the host's adapter does not work (%s): only proxies listen", starting.exception())
        self._adapter_failed = failed or (self._adapter_failed and not starting.done())

    def _heard(self, index: int, sighting: Sighting) -> None:
        self._receptions[index] = self._receptions[index].hear(sighting)
        if self._on_sighting is None:
            return
        if self._settled or not self._others_listen(index):
            self._report()
        elif self._settling is None:
            self._settle_later(CONNECTING_TRIES)

    def _others_listen(self, index: int) -> bool:
        """Whether another radio than this one might hear the robot better."""
        adapter = self._starting is not None and not _failed(self._starting)
        listening = (adapter, *(proxy.online or _connecting(proxy) for proxy in self._proxies))
        return any(on for other, on in enumerate(listening) if other != index)

    def _settle(self, tries: int) -> None:
        """Report, unless a proxy is still being connected: that is worth some more tries."""
        if tries and any(_connecting(proxy) for proxy in self._proxies):
            self._settle_later(tries - 1)
            return
        self._settling = None
        self._settled = True
        self._report()

    def _settle_later(self, tries: int) -> None:
        self._settling = asyncio.get_running_loop().call_later(SETTLE_S, self._settle, tries)

    def _report(self) -> None:
        """Pass on the sighting of the radio that hears the robot best."""
        now = asyncio.get_running_loop().time()
        free = (True, *(proxy.free for proxy in self._proxies))
        index = best([each.score_db(now, ok) for each, ok in zip(self._receptions, free, strict=True)])
        if index is None or self._on_sighting is None:
            return
        sighting = self._receptions[index].sighting
        if sighting is not None:
            self._on_sighting(replace(sighting, device=_Heard(index, sighting.device)))


def _connecting(proxy: Proxy) -> bool:
    return proxy.status.state is ProxyState.CONNECTING


def _failed(starting: asyncio.Task[None]) -> bool:
    return starting.done() and (starting.cancelled() or starting.exception() is not None)
