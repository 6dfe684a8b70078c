"""Runs bb8deploy, and kills it with SIGKILL at the moment when its journal has taken a given line.

Usage: driver.py STEP STATE WORDS...
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from bb8deploy.__main__ import main
from bb8deploy.lanes.journal import Journal


def kill_at(moment: tuple[str, str]) -> None:
    """No handler, no `finally`, no buffer: what is on the disk then is all that a resume finds."""
    write = Journal.write

    def writing(self: Journal, step: str, state: str, **facts: Any) -> None:
        write(self, step, state, **facts)
        if (step, state) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.write = writing  # type: ignore[method-assign]


if __name__ == "__main__":
    kill_at((sys.argv[1], sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    main()
