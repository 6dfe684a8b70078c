"""A thread that ends the process if the event loop does not end a motion in time.

It is the last of three: the loop's own timer stops the robot on time; the firmware's motion timeout stops
it when nothing is heard from us; and if the loop hangs, this thread kills the process, s6 restarts it,
and the new one closes the stale connection, on which the robot stops by itself.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

GRACE_S = 2.0
"""How far behind its time the loop may be before it counts as dead."""
EXIT_CODE = 70

_log = logging.getLogger("bb8.deadman")


def end_process() -> None:
    """Exit at once, without the event loop."""
    _log.critical("the event loop hangs while the robot moves: ending the process so that it stops")
    logging.shutdown()
    os._exit(EXIT_CODE)


class Deadman:
    """Armed with a time while the robot moves; calls `on_expire` in its thread when that time passes."""

    def __init__(self, on_expire: Callable[[], None] = end_process, grace_s: float = GRACE_S) -> None:
        """Create it unarmed; `start` begins to watch."""
        self._on_expire = on_expire
        self._grace_s = grace_s
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="deadman", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def arm(self, seconds: float) -> None:
        """Expect `disarm` within so many seconds from now, plus the grace."""
        deadline = time.monotonic() + seconds + self._grace_s
        with self._changed:
            wake = self._deadline is None or deadline < self._deadline
            self._deadline = deadline
            if wake:
                self._changed.notify()

    def disarm(self) -> None:
        """The robot has stopped; the thread notices when it wakes."""
        self._deadline = None

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                deadline = self._deadline  # read once: `disarm` takes no lock
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    self._deadline = None
                    self._on_expire()
                    continue
                self._changed.wait(left)
