"""The bridge's side of the guard: starts it, keeps it informed, and knows whether it can act."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from pathlib import Path

BEAT_S = 0.1
ECHO_S = 1.0
"""The guard can act if it has answered within this time."""
RESTART_S = 5.0
COMMAND = (sys.executable, "-P", "-m", "bb8_core.guard.guard_process")
PACKAGE_PARENT = Path(__file__).resolve().parents[2]

_log = logging.getLogger("bb8.guard")


class GuardProcess:
    """Runs the guard as a process and restarts it when it has ended. Belongs to the event loop."""

    def __init__(
        self, command: tuple[str, ...] = (sys.executable, "-P", "-m", "bb8_core.guard.guard_process")
    ) -> None:
        """`start` starts it."""
        self._command = command
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: list[subprocess.Popen[bytes]] = []
        self._ready = False
        self._echo_at = float("-inf")
        self._restart_at = float("-inf")
        self._path = ""
        self._moves = False
        self._failed = False

    @property
    def armed(self) -> bool:
        """Whether the guard watches the open link and has just answered."""
        fresh = self._loop.time() - self._echo_at < ECHO_S
        return self._ready and bool(self._path) and fresh

    def start(self) -> None:
        """Start the process; if that fails, it is tried again later and `armed` stays false."""
        self._restart_at = self._loop.time() + RESTART_S
        environ = os.environ | {"PYTHONPATH": str(PACKAGE_PARENT)}
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environ,
                start_new_session=True,
            )
        except OSError as error:
            self._fail(f"cannot start the guard: {error}")
            return
        self._process = process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        if process.stdout is not None:
            self._loop.add_reader(process.stdout.fileno(), self._heard)

    def watch(self, path: str) -> None:
        """Have the guard watch this device."""
        self._path, self._moves = path, False
        if path:
            self._write(f"watch {path}\n")

    def forget(self) -> None:
        """Have the guard watch nothing."""
        self._path, self._moves = "", False
        self._write("forget\n")

    def cut(self) -> None:
        """Have the guard end the link now, and watch nothing then."""
        self._path, self._moves = "", False
        self._write("cut\n")

    def moving(self, moves: bool) -> None:
        """Have the guard expect our beats, or not."""
        self._moves = moves
        self._write("moving\n" if moves else "still\n")

    def beat(self) -> None:
        """Send a sign of life, and restart a guard that has ended."""
        self._ended = [process for process in self._ended if process.poll() is None]
        if self._process is not None:
            self._write(".\n")
        elif self._loop.time() >= self._restart_at:
            self.start()

    def close(self) -> None:
        """End the guard; a device that it still watches is disconnected."""
        process = self._process
        self._end()
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)

    def _write(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            os.write(self._process.stdin.fileno(), line.encode())
        except OSError:  # a full pipe included: a guard that does not read has missed what this line says
            self._lost()

    def _heard(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        try:
            data = os.read(self._process.stdout.fileno(), 4096)
        except BlockingIOError:
            return
        if not data:
            self._lost()
            return
        self._echo_at = self._loop.time()
        if not self._ready:
            self._ready, self._failed = True, False
            _log.info("the guard is ready")
            moves = self._moves
            self.watch(self._path)
            self.moving(moves)

    def _lost(self) -> None:
        if self._process is not None:
            self._ended.append(self._process)
        self._end()
        self._fail("the guard has ended")

    def _fail(self, reason: str) -> None:
        """Log the first failure in a row only."""
        if not self._failed:
            _log.warning("%s; it is started again", reason)
        self._failed = True

    def _end(self) -> None:
        process, self._process = self._process, None
        self._ready = False
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                self._loop.remove_reader(pipe.fileno())
                with contextlib.suppress(OSError):
                    pipe.close()
