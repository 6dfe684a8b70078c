"""Runs a command for as long as whoever started this holds our standard input open.

    python leash.py [--end COMMAND ... --] COMMAND ...

A pipe closes however its other end dies, kill -9 included, so that nothing of a sandbox outlives it. `--end`
names what ends the command first, where a signal does not reach all that it started.
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
    """Gives the command's exit code."""
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
