"""asyncio loops whose clock jumps: waiting costs no time, order stays as it would be."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
DEADLOCK = "every task waits for something that nothing will bring"


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
            raise AssertionError(DEADLOCK)
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop itself."""

    def __init__(self, jumping: JumpingSelector) -> None:
        self.jumping = jumping
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


class Call:
    """What the lonely loop gives in the place of asyncio's handles."""

    __slots__ = ("args", "callback", "context", "time")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
        time: float,
    ) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.context = context or contextvars.copy_context()
        self.time = time

    def cancel(self) -> None:
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.callback is None

    def when(self) -> float:
        return self.time


class LonelyLoop(asyncio.AbstractEventLoop):
    """The same without threads, sockets and signals, at a third of the cost.

    It makes asyncio's turns: all that is ready, then what is due. What is due at the same time comes in the
    order in which it was asked for. `errors` keeps what asyncio would only write to its log.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.errors: list[BaseException | str] = []
        self._ready: deque[Call] = deque()
        self._timers: list[tuple[float, int, Call]] = []
        self._asked = 0

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Call:
        call = Call(callback, args, context, self.now)
        self._ready.append(call)
        return call

    call_soon_threadsafe = call_soon

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Call:
        return self._at(self.now + delay, callback, args, context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Call:
        return self._at(when, callback, args, context)

    def _at(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> Call:
        call = Call(callback, args, context, when)
        self._asked += 1
        heapq.heappush(self._timers, (when, self._asked, call))
        return call

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context.get("exception") or context["message"])

    def run_until_complete(self, work: Coroutine[Any, Any, T]) -> T:  # type: ignore[override]
        task = self.create_task(work)
        asyncio._set_running_loop(self)
        try:
            while not task.done():
                self._turn()
        finally:
            asyncio._set_running_loop(None)
        return task.result()

    def _turn(self) -> None:
        ready, timers = self._ready, self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if not ready:
            if not timers:
                raise AssertionError(DEADLOCK)
            self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            call = ready.popleft()
            if call.callback is not None:
                try:
                    call.context.run(call.callback, *call.args)
                except Exception as error:  # noqa: BLE001 - as asyncio does, and it is reported at the end
                    self.errors.append(error)


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own."""
    loop = VirtualLoop(JumpingSelector())
    try:
        return loop.run_until_complete(work)
    finally:
        try:
            _end(loop)
        finally:
            loop.close()


def run_lonely(work: Coroutine[Any, Any, T]) -> T:
    """The same without threads and sockets; AssertionError for an error that nobody has caught."""
    loop = LonelyLoop()
    try:
        result = loop.run_until_complete(work)
    finally:
        _end(loop)
    assert not loop.errors, loop.errors
    return result


def _end(loop: asyncio.AbstractEventLoop) -> None:
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.wait(pending))
