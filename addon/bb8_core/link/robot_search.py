"""Scanning for the robot: when to listen, when to attempt a connection, and when it counts as absent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from bb8_core.link.connection_states import Cause, LinkState, explain
from bb8_core.link.radio_interface import LinkError, Radio, Sighting
from bb8_core.link.reconnect_delay import Backoff

FRESH_S = 10.0
"""An advertisement older than this is not worth a connection attempt."""
SILENCE_S = 15.0
"""After so long without an advertisement the robot counts as absent."""
SCANNER_SILENT_S = 60.0
"""After so long without the robot the scanner is restarted; the host's Bluetooth is left alone."""
LOOK_EVERY_S = 5.0

_log = logging.getLogger("bb8.link")


class Search:
    """Finds the robot between two connections. Belongs to the event loop."""

    def __init__(self, radio: Radio, wanted: Callable[[], bool], report: Callable[[Cause], None]) -> None:
        """Listen with `radio`; `report` gets why the robot is not found, while `wanted()` holds."""
        self._radio = radio
        self._wanted = wanted
        self._report = report
        self._wake = asyncio.Event()
        self._deaf_at = 0.0
        self._adapter_failed = False
        self._rescan = False
        self.backoff = Backoff()
        self.sighting: Sighting | None = None
        """The last advertisement of the robot."""

    def hurry(self) -> None:
        """Look again at once, with a restarted scanner: a person asked for the robot."""
        self.backoff.forgive()
        self._rescan = True
        self._wake.set()

    async def next_sighting(self) -> Sighting:
        """Listen until the robot is heard, wanted, and the pause after a failure is over."""
        loop = asyncio.get_running_loop()
        self._deaf_at = loop.time() + SILENCE_S
        while True:
            now = loop.time()
            await self._restart_if_asked(now)
            if not await self._listen():
                self._deaf_at = loop.time() + SILENCE_S
                continue
            heard = self.sighting
            pause = self.backoff.until - now
            if self._wanted() and heard is not None and now - heard.at < FRESH_S and pause <= 0:
                return heard
            await self._check_silence(now)
            await self._wait(max(0.05, min(pause, LOOK_EVERY_S)) if pause > 0 else LOOK_EVERY_S)

    def restarted(self) -> None:
        """The host's Bluetooth service was restarted: a scanner from before is deaf."""
        self._rescan = True
        self._wake.set()

    async def _restart_if_asked(self, now: float) -> None:
        """Replace the scanner, unless it works: it has just heard the robot."""
        asked, self._rescan = self._rescan, False
        if asked and (self.sighting is None or now - self.sighting.at > FRESH_S):
            await self._radio.stop_scan()

    async def _listen(self) -> bool:
        """Start the scanner; after a failure report why, pause, and return False."""
        try:
            await self._radio.start_scan(self._heard)
        except LinkError as error:
            _log.debug("scan: %s", error)
            self._adapter_failed = explain(error.cause).state is LinkState.ADAPTER_OFF
            self.backoff.fail(error.cause)
            self._report(error.cause)
            await self._wait(self.backoff.pause_s)
            return False
        if self._adapter_failed:
            self._adapter_failed = False
            self.backoff.succeed()
            self._report(Cause.SEARCHING)
        return True

    def _heard(self, sighting: Sighting) -> None:
        self.sighting = sighting
        if self._wanted():
            self._wake.set()

    async def _check_silence(self, now: float) -> None:
        """Report when the robot is absent, and restart the scanner then: the adapter may be deaf."""
        heard_at = self.sighting.at if self.sighting else float("-inf")
        if now < max(self._deaf_at, heard_at + SILENCE_S):
            return
        if self._wanted():
            self._report(Cause.SILENT if self.sighting else Cause.NEVER_SEEN)
        await self._radio.stop_scan()
        self._deaf_at = now + SCANNER_SILENT_S
        self._wake.set()

    async def _wait(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        self._wake.clear()
