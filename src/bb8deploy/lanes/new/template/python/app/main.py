"""Writes a message to the log at an interval, until it is stopped."""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The options of the app; `interval` is in seconds."""

    message: str
    interval: int


def read_options(text: str) -> Options:
    """The options as the Supervisor writes them, checked against the schema of config.yaml."""
    data = json.loads(text)
    return Options(message=data["message"], interval=data["interval"])


def line(options: Options, count: int) -> str:
    """The line of the log with its number."""
    return f"{count}: {options.message}"


def main() -> None:
    """Runs until Home Assistant stops the app."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    file = Path(os.environ.get("OPTIONS_FILE", "/data/options.json"))
    options = read_options(file.read_text(encoding="utf-8"))
    count = 0
    while not stop.wait(options.interval if count else 0):
        count += 1
        print(line(options, count), flush=True)


if __name__ == "__main__":
    main()
