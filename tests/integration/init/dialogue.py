"""Runs a command on a real terminal of its own and answers it as a person would."""

from __future__ import annotations

import contextlib
import errno
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEADLINE = 90.0
# Makes the terminal the new session's own, so that Ctrl-C reaches it and passwords are asked for there.
_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "bb8deploy", *sys.argv[1:]])
"""


@dataclass
class Dialogue:
    """A program on a pseudo terminal; `seen` is all that it has shown, echo included."""

    process: subprocess.Popen[bytes]
    terminal: int
    seen: str = ""
    read_to: int = 0

    def expect(self, pattern: str) -> str:
        """Waits until the program shows `pattern` after what was expected before."""
        end = time.monotonic() + DEADLINE
        while True:
            found = re.compile(pattern).search(self.seen, self.read_to)
            if found:
                self.read_to = found.end()
                return found[0]
            assert self._more(end), f"`{pattern}` was not shown; seen:\n{self.seen}"

    def answer(self, pattern: str, text: str) -> None:
        """Waits for a question and types a line."""
        self.expect(pattern)
        os.write(self.terminal, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Types Ctrl-C."""
        os.write(self.terminal, b"\x03")

    def end_input(self) -> None:
        """Types Ctrl-D, which ends the input at the start of a line."""
        os.write(self.terminal, b"\x04")

    def finish(self) -> int:
        """Waits for the end and gives the exit code."""
        end = time.monotonic() + DEADLINE
        while self._more(end):
            pass
        return self.process.wait(DEADLINE)

    def _more(self, end: float) -> bool:
        """Reads what comes next; False at the program's end."""
        ready, _, _ = select.select([self.terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"nothing more was shown within {DEADLINE} s; seen:\n{self.seen}"
        try:
            data = os.read(self.terminal, 65536)
        except OSError as error:  # Linux says EIO when the other side of a terminal is gone
            if error.errno != errno.EIO:
                raise
            return False
        self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)


@contextlib.contextmanager
def dialogue(words: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Iterator[Dialogue]:
    """Starts `bb8deploy` with these words on a terminal; ends it whatever happens."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *words],
        cwd=cwd, env=dict(env), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Dialogue(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
