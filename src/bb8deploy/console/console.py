"""Prints for one user: results to stdout, messages to stderr, with --json one document."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.secret import Secret, redact, redact_data
from bb8deploy.base.terminal_safe_text import plain_lines
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.console.progress_line import Screen
from bb8deploy.console.terminal_capabilities import ReaderGone, columns_of, is_plain, painted, shortened
from bb8deploy.console.text_table import aligned, drawn

if TYPE_CHECKING:
    from bb8deploy.runs.tokens import Line

_LINE_STYLE = {"TOKEN": "green", "SKIPPED": "yellow", "DRIFT": "red"}


@dataclass(slots=True)
class Console:
    """Prints for one user. `as_json`: stdout has one JSON document, in one line with `compact`;
    `quiet`: no messages.

    Colors, frames and the moving line appear on a terminal only, and never in plain mode: TERM=dumb, or
    BB8DEPLOY_PLAIN=1 for screen readers. NO_COLOR removes the colors only. A terminal shows 12 digits of
    a hash. `hidden` is masked in all output, and no text except a token's own line can start as a token does.
    `complete` adds the options of this run to the commands that a text names. Output that cannot be written
    is dropped: it never stops a run. Only a document raises then, at the end of its command.
    """

    as_json: bool = False
    quiet: bool = False
    compact: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    hidden: list[Secret] = field(default_factory=list, repr=False)
    complete: Callable[[str], str] = field(default=str, repr=False)
    _screen: Screen = field(init=False, repr=False)
    _where: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self._screen = Screen(self.out, self.err, self.hidden)

    @property
    def columns(self) -> int:
        """Columns of the terminal for results; 0 for a file or a pipe, which take any length."""
        return columns_of(self.out) if self.out.isatty() else 0

    @property
    def width(self) -> int:
        """Columns of the terminal for messages, 100 if unknown."""
        return columns_of(self.err)

    def token(self, line: Line) -> None:
        """A receipt line, at the start of a line of stdout."""
        if not self.as_json:
            text = shortened(redact(str(line), self.hidden), self.out)
            self._screen.put(self.out, painted(text, _LINE_STYLE[line.kind], self.out) + "\n")

    def text(self, text: str, style: str = "") -> None:
        """A result for people, in a style such as `red` on a terminal; nothing in JSON mode."""
        if not self.as_json:
            self._screen.write(self.out, self.complete(text), style)

    def raw(self, text: str, style: str = "") -> None:
        """A requested document (a schema, a log, a page), in every mode.

        Raises ReaderGone if the pipe is closed, so that a followed log ends, and CheckFailed if the document
        cannot be written.
        """
        self._screen.write_document(self.out, text, style)

    def document(self, data: object) -> None:
        """The one JSON document of a command; a reader who left is not a failure.

        Raises CheckFailed STDOUT_UNWRITABLE if it cannot be written, because a program waits for it.
        """
        plain = json.loads(json.dumps(data, default=str))
        indent = None if self.compact else 2
        text = json.dumps(redact_data(plain, self.hidden), indent=indent) + "\n"
        with suppress(ReaderGone):
            self._screen.put(self.out, text, needed=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A result as a table: drawn on a terminal, aligned text elsewhere; nothing in JSON mode."""
        if self.as_json:
            return
        safe = [[plain_lines(redact(cell, self.hidden)) for cell in row] for row in rows]
        if self.out.isatty() and not is_plain():
            self._screen.put(self.out, drawn(title, columns, safe, self.out, columns_of(self.out)))
        else:
            self._screen.write(self.out, aligned(title, columns, safe))

    def note(self, text: str) -> None:
        """A message for the user."""
        if not self.quiet:
            self._screen.write(self.err, self.complete(text))

    def warn(self, text: str) -> None:
        """A warning; shown even when quiet."""
        self._screen.write(self.err, f"warning: {self.complete(text)}", "yellow")

    def error(self, error: Bb8Error) -> None:
        """What failed, why, and what to do, on stderr; also as an annotation in GitHub Actions."""
        write = self._screen.write
        if os.environ.get("GITHUB_ACTIONS") == "true" and not self.as_json:
            write(self.out, f"::error title={error.code}::{_escape_github(error.cause)}")
        write(self.err, f"error {error.code}: {error.cause}", "red")
        for line in self.complete("\n".join(error.details)).splitlines():
            write(self.err, f"    {line}")
        write(self.err, f"  remedy: {self.complete(error.remedy)}")

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        """One step of a run: a moving line on a terminal, one plain line elsewhere, with its seconds.

        The host is named by the first step, and again if it changes.
        """
        label = name if where in {"", self._where} else f"{name} on {where}"
        self._where = where or self._where
        started = time.monotonic()
        moves = not self.quiet and self._moves()
        try:
            with self._screen.moving(label, started) if moves else nullcontext():
                yield
        except BaseException:
            self._finish_step("✗", "failed:", "red", label, started)
            raise
        self._finish_step("✓", "done:", "green", label, started)

    @contextmanager
    def redirected(self, stream: TextIO) -> Iterator[None]:
        """Sends everything to another stream for a while, such as a part of a screen."""
        before = self.out, self.err
        self.out = self.err = self._screen.out = self._screen.err = stream
        try:
            yield
        finally:
            self.out, self.err = self._screen.out, self._screen.err = before

    def live(self, text: str) -> None:
        """Changes the moving line until the end of the step; does nothing without a terminal."""
        self._screen.live(text)

    def confirm(self, question: str) -> bool:
        """Asks for yes or no; returns no if there is no terminal."""
        if not (sys.stdin.isatty() and self.err.isatty()):
            return False
        return self._screen.ask(f"{question} [y/N] ").strip().lower() in {"y", "yes"}

    def ask(self, question: str, default: str = "") -> str:
        """The answer in one line, `default` if it is empty; the end of the input counts as Ctrl-C."""
        line = self._screen.ask(f"{question}{f' [{default}]' if default else ''}: ")
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

    def _moves(self) -> bool:
        """True if messages go to a terminal that can show a moving line."""
        return self.err.isatty() and not is_plain() and "CI" not in os.environ

    def _finish_step(self, sign: str, word: str, style: str, label: str, started: float) -> None:
        mark = sign if self._moves() else word
        seconds = time.monotonic() - started
        if not self.quiet:
            sign = f"  {painted(mark, style, self.err)} "
            self._screen.write(self.err, f"{label} ({seconds:.1f} s)", mark=sign)


def _escape_github(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_dict(error: Bb8Error, complete: Callable[[str], str] = str) -> JsonObject:
    """An error for a JSON document; `complete` adds the options of the run to the commands that it names."""
    return {
        "code": error.code,
        "cause": error.cause,
        "remedy": complete(error.remedy),
        "details": [complete(line) for line in error.details],
        "exit_code": error.exit_code,
    }
