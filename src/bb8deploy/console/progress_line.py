"""The two streams of a console, and the moving line that stays below everything else."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from bb8deploy.base.secret import Secret, redact
from bb8deploy.base.terminal_safe_text import plain_lines
from bb8deploy.console.terminal_capabilities import ERASE, columns_of, painted, send, shortened

_TICK = 1.0  # seconds between two updates of the moving line
_LOOKS_LIKE_A_TOKEN = re.compile(r"(^|\r)(?=TOKEN:)", re.MULTILINE)


@dataclass(slots=True)
class Screen:
    """Writes to `out` (results) and `err` (messages), from any thread; `hidden` is masked in all of it."""

    out: TextIO
    err: TextIO
    hidden: list[Secret] = field(repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _moving: list[tuple[str, float]] = field(default_factory=list, repr=False)
    _live: str = field(default="", repr=False)

    def write(self, stream: TextIO, text: str, style: str = "", *, mark: str = "") -> None:
        """Writes lines of text after `mark`: secrets masked, a line that looks like a token indented, and no
        control characters, which others' text may hold."""
        text = shortened(self._masked(plain_lines(redact(text, self.hidden))), stream)
        self.put(stream, f"{mark}{painted(text, style, stream)}\n")

    def write_document(self, stream: TextIO, text: str, style: str = "") -> None:
        """Writes a requested document, such as a log, with secrets masked and no line that begins as a token.

        Raises ReaderGone for a closed pipe, CheckFailed if it cannot be written.
        """
        self.put(stream, painted(self._masked(text), style, stream) + "\n", needed=True)

    def _masked(self, text: str) -> str:
        return _LOOKS_LIKE_A_TOKEN.sub(r"\1 ", redact(text, self.hidden))

    def put(self, stream: TextIO, text: str, *, needed: bool = False) -> None:
        """Writes text as it is, immediately, around the moving line."""
        with self._lock:
            if self._moving:
                send(self.err, ERASE)
            send(stream, text, needed=needed)
            if self._moving:
                send(self.err, self._moving_line())

    def ask(self, question: str) -> str:
        """The line that the user enters, empty at the end of input. Nothing else is printed meanwhile."""
        with self._lock:
            send(self.err, f"{ERASE if self._moving else ''}{question}")
            return sys.stdin.readline()

    def live(self, text: str) -> None:
        """Changes the moving line until the end of the step; does nothing if no line moves."""
        with self._lock:
            if self._moving:
                self._live = text
                self.put(self.err, ERASE)

    @contextmanager
    def moving(self, label: str, started: float) -> Iterator[None]:
        """Shows the newest running step, with its seconds, on the last line of the terminal."""
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
                self._live = ""
                self.put(self.err, ERASE)

    def _tick(self, ended: threading.Event) -> None:
        while not ended.is_set():
            self.put(self.err, ERASE)
            ended.wait(_TICK)

    def _moving_line(self) -> str:
        width = columns_of(self.err)
        if self._live:
            return redact(self._live, self.hidden)[: max(width - 1, 4)] + "\r"
        label, started = self._moving[-1]
        seconds = f" {time.monotonic() - started:.0f} s"
        room = max(width - len(seconds) - 1, 4)
        return f"  … {redact(label, self.hidden)}"[:room] + seconds + "\r"
