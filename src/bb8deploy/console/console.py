"""The only module that prints: results to stdout, messages to stderr, with --json one document."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.secret import Secret, redact, redact_data
from bb8deploy.catalogue.errors.tool import STDOUT_UNWRITABLE

if TYPE_CHECKING:
    from bb8deploy.runs.tokens import Line

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_LINE_STYLE = {"TOKEN": "green", "SKIPPED": "yellow", "DRIFT": "red"}
_ERASE = "\x1b[2K\r"
_TICK = 1.0  # seconds between two updates of the moving line
_LOOKS_LIKE_A_TOKEN = re.compile(r"(^|\r)(?=TOKEN:)", re.MULTILINE)


_HASH = re.compile(r"\b([0-9a-f]{12})(?:[0-9a-f]{28}|[0-9a-f]{52})\b")


class ReaderGone(Exception):
    """The reader of a document has closed the pipe. That is not a failure."""


@dataclass(slots=True)
class Console:
    """Prints for one user. `as_json`: stdout has one JSON document; `quiet`: no messages.

    Colors, frames and the moving line appear on a terminal only, and never in plain mode: TERM=dumb, or
    BB8DEPLOY_PLAIN=1 for screen readers. NO_COLOR removes the colors only. A terminal shows 12 digits of
    a hash. `hidden` is masked in all output, and no text except a token's own line can start as a token does.
    `complete` adds the options of this run to the commands that a text names. Output that cannot be written
    is dropped: it never stops a run.
    """

    as_json: bool = False
    quiet: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    hidden: list[Secret] = field(default_factory=list, repr=False)
    complete: Callable[[str], str] = field(default=str, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _moving: list[tuple[str, float]] = field(default_factory=list, repr=False)
    _told: str = field(default="", repr=False)
    _where: str = field(default="", repr=False)

    @property
    def plain(self) -> bool:
        """True if only plain lines may be printed: no frames, nothing that moves."""
        return os.environ.get("TERM") == "dumb" or bool(os.environ.get("BB8DEPLOY_PLAIN"))

    @property
    def interactive(self) -> bool:
        """True if messages go to a terminal that can show a moving line."""
        return self.err.isatty() and not self.plain and "CI" not in os.environ

    @property
    def columns(self) -> int:
        """Columns of the terminal for results; 0 for a file or a pipe, which take any length."""
        return _columns(self.out) if self.out.isatty() else 0

    @property
    def width(self) -> int:
        """Columns of the terminal for messages, 100 if unknown."""
        return _columns(self.err)

    def token(self, line: Line) -> None:
        """A receipt line, at the start of a line of stdout."""
        if not self.as_json:
            text = self._short(redact(str(line), self.hidden), self.out)
            self._put(self.out, self._paint(text, _LINE_STYLE[line.kind], self.out) + "\n")

    def text(self, text: str, style: str = "") -> None:
        """A result for people, in a style such as `red` on a terminal; nothing in JSON mode."""
        if not self.as_json:
            self._write(self.out, self.complete(text), style)

    def raw(self, text: str, style: str = "") -> None:
        """A requested document (a schema, a log, a page), in every mode.

        Raises ReaderGone if the pipe is closed, so that a followed log ends, and CheckFailed if the document
        cannot be written.
        """
        self._write(self.out, text, style, needed=True)

    def document(self, data: object) -> None:
        """The one JSON document of a run."""
        plain = json.loads(json.dumps(data, default=str))
        self._put(self.out, json.dumps(redact_data(plain, self.hidden), indent=2) + "\n")

    def note(self, text: str) -> None:
        """A message for the user."""
        if not self.quiet:
            self._write(self.err, self.complete(text))

    def warn(self, text: str) -> None:
        """A warning; shown even when quiet."""
        self._write(self.err, f"warning: {self.complete(text)}", "yellow")

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        """One step of a run: a moving line on a terminal, one plain line elsewhere, with its seconds.

        The host is named by the first step, and again if it changes.
        """
        label = self._label(name, where)
        started = time.monotonic()
        try:
            with self._shown_moving(label, started):
                yield
        except BaseException:
            self._finish_step("✗", "failed:", "red", label, started)
            raise
        self._finish_step("✓", "done:", "green", label, started)

    def _label(self, name: str, where: str) -> str:
        with self._lock:
            if where in {"", self._where}:
                return name
            self._where = where
        return f"{name} on {where}"

    def error(self, error: Bb8Error) -> None:
        """What failed, why, and what to do, on stderr; also as an annotation in GitHub Actions."""
        if os.environ.get("GITHUB_ACTIONS") == "true" and not self.as_json:
            self._write(self.out, f"::error title={error.code}::{_escape_github(error.cause)}")
        self._write(self.err, f"error {error.code}: {error.cause}", "red")
        for line in "\n".join(error.details).splitlines():
            self._write(self.err, f"    {line}")
        self._write(self.err, f"  remedy: {self.complete(error.remedy)}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A result as a table: drawn on a terminal, aligned text elsewhere; nothing in JSON mode."""
        if self.as_json:
            return
        safe = [[redact(cell, self.hidden) for cell in row] for row in rows]
        if self.out.isatty() and not self.plain:
            self._draw(title, columns, safe)
        else:
            self._write(self.out, "\n".join(_aligned(title, columns, safe)))

    def confirm(self, question: str) -> bool:
        """Asks for yes or no; returns no if there is no terminal."""
        if not (sys.stdin.isatty() and self.err.isatty()):
            return False
        with self._lock:  # nothing else is printed until the answer is given
            _send(self.err, f"{_ERASE if self._moving else ''}{question} [y/N] ")
            return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def ask(self, question: str, default: str = "") -> str:
        """The answer in one line, `default` if it is empty; the end of the input counts as Ctrl-C."""
        with self._lock:
            _send(self.err, f"{question}{f' [{default}]' if default else ''}: ")
            line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        return line.strip() or default

    def ask_secret(self, question: str) -> str:
        """An answer that is not shown while typed, and masked from then on."""
        from getpass import getpass

        try:
            answer = getpass(question).strip()
        except EOFError:
            raise KeyboardInterrupt from None
        self.hidden.extend([Secret(answer)] if answer else [])
        return answer

    # ------------------------------------------------------------ the moving line

    def live(self, text: str) -> None:
        """Changes the moving line until the end of the step; does nothing without a terminal."""
        with self._lock:
            if self._moving:
                self._told = text
                self._put(self.err, _ERASE)

    @contextmanager
    def _shown_moving(self, label: str, started: float) -> Iterator[None]:
        """Shows the newest running step, with its seconds, on the last line of the terminal."""
        if self.quiet or not self.interactive:
            yield
            return
        entry, ended = (label, started), threading.Event()
        with self._lock:
            self._moving.append(entry)
        ticker = threading.Thread(target=self._tick, args=(ended,), daemon=True, name="moving line")
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
            with self._lock:
                self._moving.remove(entry)
                self._told = ""
                self._put(self.err, _ERASE)

    def _tick(self, ended: threading.Event) -> None:
        while not ended.is_set():
            self._put(self.err, _ERASE)
            ended.wait(_TICK)

    def _moving_line(self) -> str:
        if self._told:
            return redact(self._told, self.hidden)[: max(self.width - 1, 4)] + "\r"
        label, started = self._moving[-1]
        seconds = f" {time.monotonic() - started:.0f} s"
        room = max(_columns(self.err) - len(seconds) - 1, 4)
        return f"  … {redact(label, self.hidden)}"[:room] + seconds + "\r"

    def _finish_step(self, sign: str, word: str, style: str, label: str, started: float) -> None:
        mark = sign if self.interactive else word
        seconds = time.monotonic() - started
        self.note(f"  {self._paint(mark, style, self.err)} {label} ({seconds:.1f} s)")

    # ------------------------------------------------------------ writing

    def _short(self, text: str, stream: TextIO) -> str:
        """The text with 12 digits of each hash if it goes to a terminal."""
        return _HASH.sub(r"\1", text) if stream.isatty() else text

    def _draw(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.console import Console as RichConsole
        from rich.table import Table

        table = Table(title=title or None, title_justify="left", header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        drawer = RichConsole(file=self.out, markup=False, highlight=False, width=_columns(self.out))
        with drawer.capture() as drawn:
            drawer.print(table)
        self._put(self.out, drawn.get())

    def _paint(self, text: str, style: str, stream: TextIO) -> str:
        if not style or not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def _write(self, stream: TextIO, text: str, style: str = "", *, needed: bool = False) -> None:
        """Lines of text: secrets masked, a line that looks like a token indented."""
        text = _LOOKS_LIKE_A_TOKEN.sub(r"\1 ", redact(text, self.hidden))
        if not needed:
            text = self._short(text, stream)
        self._put(stream, self._paint(text, style, stream) + "\n", needed=needed)

    def _put(self, stream: TextIO, text: str, *, needed: bool = False) -> None:
        """Writes immediately, around the moving line."""
        with self._lock:
            if self._moving:
                _send(self.err, _ERASE)
            _send(stream, text, needed=needed)
            if self._moving:
                _send(self.err, self._moving_line())


def _columns(stream: TextIO) -> int:
    """Columns of this terminal (COLUMNS overrides), 100 if unknown."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 100
    except (OSError, ValueError):
        return 100


def _send(stream: TextIO, text: str, *, needed: bool = False) -> None:
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            stream.write(text.encode("ascii", "replace").decode())
        stream.flush()
    except (OSError, ValueError) as error:
        _forget(stream)
        if needed and isinstance(error, BrokenPipeError):
            raise ReaderGone from error
        if needed:
            reason = getattr(error, "strerror", None) or error
            raise STDOUT_UNWRITABLE(f"the output cannot be written: {reason}") from error


def _forget(stream: TextIO) -> None:
    """Drops everything that is written to the stream from now on, also at the interpreter's exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _aligned(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (columns, *rows)
    ]
    return [*([title] if title else []), *(line.rstrip() for line in lines)]


def _escape_github(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_dict(error: Bb8Error, complete: Callable[[str], str] = str) -> dict[str, Any]:
    """An error for a JSON document; `complete` adds the options of the run to the commands of its remedy."""
    return {
        "code": error.code,
        "cause": error.cause,
        "remedy": complete(error.remedy),
        "details": list(error.details),
        "exit_code": error.exit_code,
    }
