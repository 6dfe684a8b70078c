"""Runs bb8deploy, and sends it a signal at the moment when its journal has taken a given line.

Usage: driver.py SIGNAL STEP STATE WORDS...
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from bb8deploy.__main__ import main
from bb8deploy.runs.journal import Journal


def signal_at(moment: tuple[str, str], number: signal.Signals) -> None:
    """With SIGKILL no handler runs and no buffer is kept: what is on the disk then is all that is left."""
    write = Journal.write

    def writing(self: Journal, step: str, state: str, **facts: Any) -> None:
        write(self, step, state, **facts)
        if (step, state) == moment:
            os.kill(os.getpid(), number)

    Journal.write = writing  # type: ignore[method-assign]


if __name__ == "__main__":
    signal_at((sys.argv[2], sys.argv[3]), signal.Signals[sys.argv[1]])
    sys.argv[1:] = sys.argv[4:]
    main()
