"""Follows the app's log in a thread of its own; each line wakes the thread that waits for lines."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.supervisor.route_interface import Supervisor
from bb8deploy.plan.logs.identity_line import newer_lines

KEPT = 2000
"""Lines that are kept."""
_AGAIN = 0.5
_WINDOW = 100
"""Lines that a followed log begins with, by the Supervisor's default."""


class LogFeed:
    """The lines of one app's log from now on; `show` gets each once, in the feed's own thread."""

    def __init__(self, supervisor: Supervisor, slug: str, show: Callable[[str], None]) -> None:
        self._supervisor, self._slug, self._show = supervisor, slug, show
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._count = 0
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._before: tuple[str, ...] = ()
        with contextlib.suppress(Bb8Error):  # an app that was never installed has no log
            self._before = supervisor.logs(slug, _WINDOW)
        self._thread = threading.Thread(target=self._follow, daemon=True, name="bb8deploy-log")
        self._thread.start()

    @property
    def position(self) -> int:
        """How many lines have come; a place from which `since` reads."""
        with self._changed:
            return self._count

    def since(self, position: int) -> list[str]:
        """The lines after a position, as far as they are kept."""
        with self._changed:
            fresh = min(self._count - position, len(self._lines))
            return list(self._lines)[len(self._lines) - fresh :] if fresh > 0 else []

    def wait(self, position: int, seconds: float) -> None:
        """Waits until there are lines after the position, or `wake` is called."""
        with self._changed:
            if self._count <= position:
                self._changed.wait(seconds)

    def wake(self) -> None:
        """Ends a `wait` early."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the feed; its thread ends with the connection."""
        self._ended.set()
        self.wake()

    def _follow(self) -> None:
        """Follows, again and again: a restarted Supervisor or a quiet hour ends the stream, not the feed."""
        while not self._ended.is_set():
            with contextlib.suppress(Bb8Error, OSError, EOFError):  # the loop itself reports what is wrong
                self._follow_once()
            self._ended.wait(_AGAIN)

    def _follow_once(self) -> None:
        """A followed log begins with old lines: those that were read before are left out."""
        latest = self._supervisor.logs(self._slug, _WINDOW)
        for line in newer_lines(self._before, latest, window=_WINDOW):
            self._add(line)
        self._before = latest
        old: list[str] | None = None
        for line in self._supervisor.follow(self._slug):
            if self._ended.is_set():
                return
            old = _from(latest, line) if old is None else old
            if old[:1] == [line]:
                del old[0]
                continue
            old.clear()
            self._add(line)
            self._before = (*self._before, line)[-_WINDOW:]

    def _add(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            self._count += 1
            self._changed.notify_all()
        self._show(line)


def _from(lines: tuple[str, ...], first: str) -> list[str]:
    """The lines from the first one that is equal; none if there is none."""
    return list(lines[lines.index(first) :]) if first in lines else []
