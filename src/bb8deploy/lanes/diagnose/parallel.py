"""Runs checks in parallel, each in a thread that need not be waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pending(Generic[T]):
    """A look under way: its subject, what it will have seen, and when it has to be done (monotonic s)."""

    subject: str
    future: Future[T]
    until: float

    def wait(self, seconds: float | None = None) -> T:
        """What was seen; raises TimeoutError after `seconds` or at the look's own deadline."""
        left = max(0.0, self.until - time.monotonic())
        return self.future.result(left if seconds is None else min(seconds, left))


def spawn(subject: str, work: Callable[[], T], *, deadline: float) -> Pending[T]:
    """Starts `work`, which may take `deadline` seconds.

    Its thread is a daemon: a name server or a share that never answers holds up nothing, not even the end of
    the process.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the waiting thread gets it
            future.set_exception(error)

    threading.Thread(target=run, name=f"diagnose {subject}", daemon=True).start()
    return Pending(subject, future, time.monotonic() + deadline)
