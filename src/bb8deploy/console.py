"""The only module that prints: results to stdout, messages to stderr, JSON alone where it was asked for."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from bb8deploy.errors import Bb8Error

if TYPE_CHECKING:
    from bb8deploy.receipts.tokens import Line

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_LINE_STYLE = {"TOKEN": "green", "SKIPPED": "yellow", "DRIFT": "red"}


@dataclass(slots=True)
class Console:
    """Says things to one reader. `as_json`: stdout holds one JSON document; `quiet`: no messages.

    Colour and the moving line appear on a terminal only, and never with NO_COLOR or TERM=dumb.
    """

    as_json: bool = False
    quiet: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def interactive(self) -> bool:
        """True where a person watches: messages go to a terminal."""
        return self.err.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ

    @property
    def width(self) -> int:
        """Columns of the terminal, 100 where there is none."""
        return shutil.get_terminal_size((100, 24)).columns

    def token(self, line: Line) -> None:
        """A receipt line, at the start of a line of stdout."""
        if not self.as_json:
            self._write(self.out, self._paint(str(line), _LINE_STYLE[line.kind], self.out))

    def text(self, text: str) -> None:
        """A result for people; nothing in JSON mode."""
        if not self.as_json:
            self._write(self.out, text)

    def raw(self, text: str) -> None:
        """A document that was asked for (a schema, a log, a page), as it stands, in every mode."""
        self._write(self.out, text)

    def document(self, data: object) -> None:
        """The one JSON document of a run."""
        self._write(self.out, json.dumps(data, indent=2, default=str))

    def note(self, text: str) -> None:
        """A message to whoever watches."""
        if not self.quiet:
            self._write(self.err, text)

    def warn(self, text: str) -> None:
        """A message that deserves attention; shown even when quiet."""
        self._write(self.err, self._paint(f"warning: {text}", "yellow", self.err))

    def live(self, text: str) -> None:
        """Replaces the moving line of the step under way; nothing where nobody watches."""
        if self.interactive and not self.quiet:
            self._write(self.err, f"\x1b[2K\r{text}", end="\r")

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        """One step of a run: a moving line on a terminal, one plain line elsewhere, with its seconds."""
        label = f"{name} on {where}" if where else name
        started = time.monotonic()
        if self.interactive and not self.quiet:
            self._write(self.err, f"  … {label}", end="\r")
        try:
            yield
        except BaseException:
            self._finish_step("✗", label, started, "red")
            raise
        self._finish_step("✓", label, started, "green")

    def error(self, error: Bb8Error) -> None:
        """What failed, why, and what to do, on stderr; as an annotation too where GitHub runs it."""
        if os.environ.get("GITHUB_ACTIONS") == "true" and not self.as_json:
            self._write(self.out, f"::error title={error.code}::{_escape_github(error.cause)}")
        self._write(self.err, self._paint(f"error {error.code}: {error.cause}", "red", self.err))
        for line in error.details:
            self._write(self.err, f"    {line}")
        self._write(self.err, f"  remedy: {error.remedy}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A result as a table: drawn on a terminal, aligned text elsewhere; nothing in JSON mode."""
        if self.as_json:
            return
        if self.out.isatty():
            self._draw(title, columns, rows)
        else:
            self._write(self.out, "\n".join(_aligned(title, columns, rows)))

    def confirm(self, question: str) -> bool:
        """Asks a person for yes or no; no where nobody can answer."""
        if not (sys.stdin.isatty() and self.err.isatty()):
            return False
        self._write(self.err, f"{question} [y/N] ", end="")
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def _finish_step(self, mark: str, label: str, started: float, style: str) -> None:
        if self.quiet:
            return
        clear = "\x1b[2K\r" if self.interactive else ""
        seconds = time.monotonic() - started
        self._write(self.err, f"{clear}  {self._paint(mark, style, self.err)} {label} ({seconds:.1f} s)")

    def _draw(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.console import Console as RichConsole
        from rich.table import Table

        table = Table(title=title or None, title_justify="left", header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        with self._lock:
            RichConsole(file=self.out, markup=False, highlight=False).print(table)

    def _paint(self, text: str, style: str, stream: TextIO) -> str:
        if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def _write(self, stream: TextIO, text: str, *, end: str = "\n") -> None:
        with self._lock:
            try:
                stream.write(text + end)
            except UnicodeEncodeError:
                stream.write(text.encode("ascii", "replace").decode() + end)
            stream.flush()


def _aligned(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (columns, *rows)
    ]
    return [*([title] if title else []), *(line.rstrip() for line in lines)]


def _escape_github(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_dict(error: Bb8Error) -> dict[str, Any]:
    """An error as JSON documents carry it."""
    return {
        "code": error.code,
        "cause": error.cause,
        "remedy": error.remedy,
        "details": list(error.details),
        "exit_code": error.exit_code,
    }
