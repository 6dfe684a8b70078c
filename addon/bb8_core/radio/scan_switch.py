"""Switches a scanner on and off, and never abandons a start: BlueZ would carry it out all the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError
from bb8_core.radio.deadlines import within

SCAN_DEADLINE_S: Final = 10.0
OFF_PATIENCE_S: Final = 1.0
"""What takes longer to stop is stopped in the background: another radio need not wait for it."""

_log = logging.getLogger("bb8.radio")


class Scanner(Protocol):
    """The part of bleak's scanner that is used."""

    async def start(self) -> None:
        """Start to scan; raises whatever bleak raises."""

    async def stop(self) -> None:
        """Stop it."""


class ScanSwitch:
    """One scanner. A start that was asked for is awaited; if it is not wanted any more, it is stopped then.

    BlueZ goes on with a start whose caller has gone. Nobody would stop that scan, and BlueZ would answer each
    further start with InProgress.
    """

    def __init__(self, make: Callable[[], Scanner]) -> None:
        """`make` makes the scanner at the first start, and a new one after a failure."""
        self._make = make
        self._scanner: Scanner | None = None
        self._wanted = False
        self._running = False
        self._turning: asyncio.Task[None] | None = None

    async def on(self) -> None:
        """Scan from now on; LinkError if the scanner does not start within 10 s.

        A start that takes longer is kept, and the next call waits for it.
        """
        self._wanted = True
        await self._settle(SCAN_DEADLINE_S)

    async def off(self) -> None:
        """Scan no more; returns after a second at the latest and never raises."""
        self._wanted = False
        try:
            await self._settle(OFF_PATIENCE_S)
        except LinkError as error:
            _log.debug("the scanner has not stopped yet: %s", error)

    async def settled(self) -> None:
        """Wait until the scanner is as it was last asked to be; LinkError after 10 s."""
        await self._settle(SCAN_DEADLINE_S)

    async def _settle(self, patience_s: float) -> None:
        turning = self._turning
        if turning is None or turning.done():
            if self._wanted is self._running:
                return
            turning = self._turning = asyncio.ensure_future(self._turn())
            turning.add_done_callback(_retrieve)
        try:
            await within(patience_s, asyncio.shield(turning))
        except LinkError as error:
            if not turning.done():
                raise LinkError(Cause.RADIO_BUSY, "the scan has not started or ended yet") from error
            raise

    async def _turn(self) -> None:
        """Start and stop until the scanner is as it is wanted; raises what a start raises."""
        while self._wanted is not self._running:
            if self._wanted:
                await self._start()
            else:
                await self._stop()

    async def _start(self) -> None:
        scanner = self._scanner or self._make()
        self._scanner = None
        await scanner.start()
        self._scanner, self._running = scanner, True

    async def _stop(self) -> None:
        """Stop; a scanner that cannot be stopped is replaced."""
        scanner, self._scanner = self._scanner, None
        self._running = False
        if scanner is None:
            return
        try:
            await within(SCAN_DEADLINE_S, scanner.stop())
        except LinkError as error:
            _log.debug("the scanner did not stop: %s", error)
        else:
            self._scanner = scanner


def _retrieve(turning: asyncio.Task[None]) -> None:
    """Retrieve an error that no caller waits for any more."""
    if not turning.cancelled():
        turning.exception()
