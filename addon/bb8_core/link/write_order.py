"""Who may write to the robot: one caller at a time, in order, and stops first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


def never() -> bool:
    """Whether a stop waits, for those who never write one."""
    return False


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    given: asyncio.Future[None]
    urgent: Callable[[], bool]


class Turns:
    """A lock whose holder hands it on, and asks the waiting ones then whether a stop is among them."""

    __slots__ = ("_taken", "_waiting")

    def __init__(self) -> None:
        """Start free."""
        self._taken = False
        self._waiting: list[_Waiter] = []

    @asynccontextmanager
    async def turn(self, urgent: Callable[[], bool] = never) -> AsyncIterator[None]:
        """Wait for the turn; a caller for which `urgent()` holds comes next."""
        await self._take(urgent)
        try:
            yield
        finally:
            self._hand_on()

    async def _take(self, urgent: Callable[[], bool]) -> None:
        if not self._taken:
            self._taken = True
            return
        waiter = _Waiter(asyncio.get_running_loop().create_future(), urgent)
        self._waiting.append(waiter)
        try:
            await waiter.given
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            else:
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        """Give the turn to the next one at once, so that no later caller comes in between."""
        waiting = [waiter for waiter in self._waiting if not waiter.given.done()]
        if not waiting:
            self._taken = False
            return
        chosen = next((waiter for waiter in waiting if waiter.urgent()), waiting[0])
        self._waiting.remove(chosen)
        chosen.given.set_result(None)
