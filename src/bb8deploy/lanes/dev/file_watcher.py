"""Watches the app's files in a thread of its own, and groups the files of one save."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from bb8deploy.base.os_differences import real_path
from bb8deploy.workspace.ignore_patterns import Ignore

DEBOUNCE_MS, STEP_MS = 120, 30
"""A save is over once nothing has changed for STEP_MS; one that continues is cut after DEBOUNCE_MS."""


class Watcher:
    """Reports saves until it is closed. `changed` is called in its thread after each."""

    def __init__(self, addon: Path, ignore: Ignore, changed: Callable[[], object]) -> None:
        self._addon, self._ignore, self._changed = real_path(addon), ignore, changed
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._first = 0.0
        self._paths: set[str] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="bb8deploy-watch")
        self._thread.start()

    @property
    def pending(self) -> bool:
        """Whether there is a save that was not taken."""
        with self._lock:
            return bool(self._paths)

    def take(self) -> tuple[float, tuple[str, ...]]:
        """When the first save since the last call was noticed (monotonic), and the paths of all of them."""
        with self._lock:
            first, paths = self._first or time.monotonic(), tuple(sorted(self._paths))
            self._first, self._paths = 0.0, set()
            return first, paths

    def wait_ready(self, seconds: float) -> None:
        """Waits until changes are noticed for certain."""
        self._ready.wait(seconds)

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        from watchfiles import watch

        for changes in watch(
            self._addon,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=self._stop,
            rust_timeout=200,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            self._ready.set()
            paths = {path for _kind, name in changes if (path := self._inside(name))}
            if paths:
                with self._lock:
                    self._first = self._first or time.monotonic() - STEP_MS / 1000
                    self._paths |= paths
                self._changed()

    def _inside(self, name: str) -> str:
        """The path in the app, empty for one that is never delivered."""
        try:
            path = Path(name).relative_to(self._addon).as_posix()
        except ValueError:
            return ""
        parts = path.split("/")
        above = ("/".join(parts[: n + 1]) for n in range(len(parts) - 1))
        if any(self._ignore.ignored(folder, is_dir=True) for folder in above):
            return ""
        return "" if self._ignore.ignores_file(path) or path == "." else path
