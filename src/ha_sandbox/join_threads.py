"""Waits for threads that must end, up to a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

JOIN_DEADLINE = 150.0
"""Seconds; a start waits for a health check at most 120."""


class ThreadStuck(RuntimeError):
    """Threads that should have ended still run. No OSError: those are taken for a client that left."""


def join_all(threads: Iterable[threading.Thread], what: str, *, seconds: float = JOIN_DEADLINE) -> None:
    """Waits for all of them together, for so many seconds.

    Raises ThreadStuck with the names of those that still run. Make them daemon threads, so that the process
    can end all the same.
    """
    end, waited = time.monotonic() + seconds, list(threads)
    for thread in waited:
        thread.join(max(0.0, end - time.monotonic()))
    running = [thread.name for thread in waited if thread.is_alive()]
    if running:
        raise ThreadStuck(f"{what} did not end within {seconds:.0f} s: {', '.join(running)}")
