"""Runs a command until the standard input of this program is closed.

    python end_with_parent.py [--end COMMAND ... --] COMMAND ...

A pipe closes when its other end dies, also by kill -9, so that no process of a sandbox outlives it. `--end`
is a command that runs first, for a command whose children a signal does not reach.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

PATIENCE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
END_DEADLINE = 60.0


def main(words: list[str]) -> int:
    """Runs the command and returns its exit code."""
    end: list[str] = []
    if words[0] == "--end":
        cut = words.index("--")
        end, words = words[1:cut], words[cut + 1 :]
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_stdin, args=(child, end), daemon=True).start()
    return child.wait()


def _end_with_stdin(child: subprocess.Popen[bytes], end: list[str]) -> None:
    while os.read(0, 4096):  # not through sys.stdin, whose lock this thread would hold at the end
        pass
    if end:
        subprocess.run(end, stdin=subprocess.DEVNULL, timeout=END_DEADLINE, check=False)
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
