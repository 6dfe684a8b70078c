"""Logs that outlive a container: one file with time stamps per source, read plain, verbose or followed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SEPARATOR = "\t"
_LEVELS = {"INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "35"}


class Journal:
    """The lines of one source. `mark` starts a new boot; followers wake with each line."""

    def __init__(self, path: Path, identifier: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._path = path
        self._identifier = identifier
        self._news = threading.Condition()
        self._lines: list[str] = path.read_text(encoding="utf-8", errors="replace").splitlines()
        self._latest = 0
        self._closed = False

    def mark(self) -> None:
        """From here on it is the latest container's log."""
        with self._news:
            self._latest = len(self._lines)

    def write(self, text: str, *, pid: int = 1) -> None:
        """Appends the lines of `text` with the time and a process id."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        rows = [f"{stamp}{_SEPARATOR}{pid}{_SEPARATOR}{line}" for line in text.splitlines() or [""]]
        with self._news, self._path.open("a", encoding="utf-8") as file:
            file.writelines(row + "\n" for row in rows)
            self._lines.extend(rows)
            self._news.notify_all()

    def log(self, level: str, module: str, text: str) -> None:
        """A line as the Supervisor writes its own: colour, time, level, module."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        colour = _LEVELS[level]
        self.write(f"\x1b[{colour}m{stamp} {level} (MainThread) [supervisor.{module}] {text}\x1b[0m")

    def warner(self, module: str) -> Callable[[str], None]:
        """A function that logs a warning of `module`."""
        return lambda text: self.log("WARNING", module, text)

    def tail(self, lines: int, *, verbose: bool = False) -> str:
        """The last `lines` lines, each ended by a newline."""
        with self._news:
            rows = self._lines[-lines:]
        return "".join(self._render(row, verbose=verbose) for row in rows)

    def latest(self, lines: int) -> str:
        """The last lines since the current container's start, without colours."""
        with self._news:
            rows = self._lines[self._latest :][-lines:]
        return "".join(_COLOUR.sub("", self._render(row, verbose=False)) for row in rows)

    def follow(self, lines: int, *, verbose: bool = False) -> Iterator[str]:
        """The last lines, then each new one as it comes; ends with `close`. An empty piece is a heartbeat."""
        with self._news:
            position = max(0, len(self._lines) - lines)
        while True:
            with self._news:
                if position >= len(self._lines) and not self._closed:
                    self._news.wait(timeout=1.0)
                rows = self._lines[position:]
                position += len(rows)
                closed = self._closed
            yield "".join(self._render(row, verbose=verbose) for row in rows)
            if closed:
                return

    def close(self) -> None:
        """Ends all followers."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _render(self, row: str, *, verbose: bool) -> str:
        stamp, pid, line = row.split(_SEPARATOR, 2) if row.count(_SEPARATOR) >= 2 else ("", "1", row)
        return f"{stamp} sandbox {self._identifier}[{pid}]: {line}\n" if verbose else f"{line}\n"


class Journals:
    """The Supervisor's log and one log per app, under `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apps: dict[str, Journal] = {}
        self.supervisor = Journal(folder / "supervisor.log", "hassio_supervisor")

    def of(self, slug: str) -> Journal:
        """The app's log."""
        if slug not in self._apps:
            self._apps[slug] = Journal(self._folder / f"{slug}.log", f"app_{slug}")
        return self._apps[slug]

    def close(self) -> None:
        """Ends all followers."""
        for journal in (self.supervisor, *self._apps.values()):
            journal.close()
