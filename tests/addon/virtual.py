"""An asyncio loop whose clock jumps: waiting costs no time, order stays as it would be."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class JumpingSelector(selectors.SelectSelector):
    """Moves the clock instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise AssertionError("every task waits for something that nothing will bring")
        self.now += timeout
        return []


class LonelySelector(JumpingSelector):
    """The same for a loop without threads and sockets: it asks nobody."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("every task waits for something that nothing will bring")
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop itself."""

    def __init__(self, jumping: JumpingSelector) -> None:
        self.jumping = jumping
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


def run_virtually(work: Coroutine[Any, Any, T], selector: type[JumpingSelector] = JumpingSelector) -> T:
    """Run to the end on a loop of its own."""
    loop = VirtualLoop(selector())
    try:
        return loop.run_until_complete(work)
    finally:
        try:
            _end(loop)
        finally:
            loop.close()


def _end(loop: VirtualLoop) -> None:
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.wait(pending))
