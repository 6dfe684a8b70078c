"""The only module that prints: results to stdout, messages to stderr, JSON alone where it was asked for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.secret import Secret, redact, redact_data

if TYPE_CHECKING:
    from bb8deploy.runs.tokens import Line

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_LINE_STYLE = {"TOKEN": "green", "SKIPPED": "yellow", "DRIFT": "red"}
_ERASE = "\x1b[2K\r"
_TICK = 1.0  # seconds between two looks of the moving line
_LOOKS_LIKE_A_TOKEN = re.compile(r"(^|\r)(?=TOKEN:)", re.MULTILINE)


class ReaderGone(Exception):
    """The reader of a document has seen enough and left: no failure, and no other broken pipe."""


@dataclass(slots=True)
class Console:
    """Says things to one reader. `as_json`: stdout holds one JSON document; `quiet`: no messages.

    Colour, frames and the moving line appear on a terminal only, and never in plain mode: TERM=dumb, or
    BB8DEPLOY_PLAIN=1 for screen readers. NO_COLOR takes the colours alone. What is in `hidden` is masked in
    everything that is said, and no text but a token's own line can begin as a token does.
    """

    as_json: bool = False
    quiet: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    hidden: list[Secret] = field(default_factory=list, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _moving: list[tuple[str, float]] = field(default_factory=list, repr=False)
    _told: str = field(default="", repr=False)

    @property
    def plain(self) -> bool:
        """True where lines alone may be written: no frames, no signs that move or that only eyes can read."""
        return os.environ.get("TERM") == "dumb" or bool(os.environ.get("BB8DEPLOY_PLAIN"))

    @property
    def interactive(self) -> bool:
        """True where a person watches: messages go to a terminal that can move."""
        return self.err.isatty() and not self.plain and "CI" not in os.environ

    @property
    def columns(self) -> int:
        """Columns of the terminal that results go to; 0 for a file or a pipe, where any length will do."""
        return _columns(self.out) if self.out.isatty() else 0

    @property
    def width(self) -> int:
        """Columns of the terminal that messages go to, 100 where it does not say."""
        return _columns(self.err)

    def token(self, line: Line) -> None:
        """A receipt line, at the start of a line of stdout."""
        if not self.as_json:
            text = redact(str(line), self.hidden)
            self._put(self.out, self._paint(text, _LINE_STYLE[line.kind], self.out) + "\n")

    def text(self, text: str, style: str = "") -> None:
        """A result for people, in a style such as `red` on a terminal; nothing in JSON mode."""
        if not self.as_json:
            self._write(self.out, text, style)

    def raw(self, text: str, style: str = "") -> None:
        """A document that was asked for (a schema, a log, a page), in every mode.

        Raises ReaderGone when nobody reads any more, so that a followed log ends.
        """
        self._write(self.out, text, style, needed=True)

    def document(self, data: object) -> None:
        """The one JSON document of a run."""
        plain = json.loads(json.dumps(data, default=str))
        self._put(self.out, json.dumps(redact_data(plain, self.hidden), indent=2) + "\n")

    def note(self, text: str) -> None:
        """A message to whoever watches."""
        if not self.quiet:
            self._write(self.err, text)

    def warn(self, text: str) -> None:
        """A message that deserves attention; shown even when quiet."""
        self._write(self.err, f"warning: {text}", "yellow")

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        """One step of a run: a moving line on a terminal, one plain line elsewhere, with its seconds."""
        label = f"{name} on {where}" if where else name
        started = time.monotonic()
        try:
            with self._shown_moving(label, started):
                yield
        except BaseException:
            self._finish_step("✗", "failed:", "red", label, started)
            raise
        self._finish_step("✓", "done:", "green", label, started)

    def error(self, error: Bb8Error) -> None:
        """What failed, why, and what to do, on stderr; as an annotation too where GitHub runs it."""
        if os.environ.get("GITHUB_ACTIONS") == "true" and not self.as_json:
            self._write(self.out, f"::error title={error.code}::{_escape_github(error.cause)}")
        self._write(self.err, f"error {error.code}: {error.cause}", "red")
        for line in "\n".join(error.details).splitlines():
            self._write(self.err, f"    {line}")
        self._write(self.err, f"  remedy: {error.remedy}")

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
        """Asks a person for yes or no; no where nobody can answer."""
        if not (sys.stdin.isatty() and self.err.isatty()):
            return False
        with self._lock:  # nothing else is said until the answer is there
            _send(self.err, f"{_ERASE if self._moving else ''}{question} [y/N] ")
            return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def ask(self, question: str, default: str = "") -> str:
        """A person's answer in one line, `default` for an empty one; the input's end counts as Ctrl-C."""
        with self._lock:
            _send(self.err, f"{question}{f' [{default}]' if default else ''}: ")
            line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        return line.strip() or default

    def ask_secret(self, question: str) -> str:
        """A person's answer that is not shown while it is typed, and masked from then on."""
        from getpass import getpass

        try:
            answer = getpass(question).strip()
        except EOFError:
            raise KeyboardInterrupt from None
        self.hidden.extend([Secret(answer)] if answer else [])
        return answer

    # ------------------------------------------------------------ the moving line

    def live(self, text: str) -> None:
        """What the moving line says from here to the end of the step; nothing where nobody watches."""
        with self._lock:
            if self._moving:
                self._told = text
                self._put(self.err, _ERASE)

    @contextmanager
    def _shown_moving(self, label: str, started: float) -> Iterator[None]:
        """Keeps the newest running step, with its seconds, on the terminal's last line."""
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

    # ------------------------------------------------------------ how it gets out

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
        """Lines of text: secrets masked, a line that looks like a token moved away from the margin."""
        text = _LOOKS_LIKE_A_TOKEN.sub(r"\1 ", redact(text, self.hidden))
        self._put(stream, self._paint(text, style, stream) + "\n", needed=needed)

    def _put(self, stream: TextIO, text: str, *, needed: bool = False) -> None:
        """Writes at once, around the moving line. A reader who left is no reason to stop a deploy."""
        with self._lock:
            if self._moving:
                _send(self.err, _ERASE)
            _send(stream, text, needed=needed)
            if self._moving:
                _send(self.err, self._moving_line())


def _columns(stream: TextIO) -> int:
    """Columns of this terminal (COLUMNS overrides), 100 where it does not say."""
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
    except BrokenPipeError as error:
        _forget(stream)
        if needed:
            raise ReaderGone from error


def _forget(stream: TextIO) -> None:
    """Lets what is still written to a stream without a reader vanish, at the interpreter's end too."""
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


def as_dict(error: Bb8Error) -> dict[str, Any]:
    """An error as JSON documents carry it."""
    return {
        "code": error.code,
        "cause": error.cause,
        "remedy": error.remedy,
        "details": list(error.details),
        "exit_code": error.exit_code,
    }
