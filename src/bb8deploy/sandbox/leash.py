"""Runs a command for as long as whoever started this holds our standard input: `python leash.py COMMAND ...`

A pipe closes however its other end dies, kill -9 included, so that nothing of a sandbox outlives it.
"""

from __future__ import annotations

import subprocess
import sys
import threading

PATIENCE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


def main() -> int:
    """Gives the command's exit code."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_stdin, args=(child,), daemon=True).start()
    return child.wait()


def _end_with_stdin(child: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
