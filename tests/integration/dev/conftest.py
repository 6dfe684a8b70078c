"""A host with a small app, and the dev loop as a process that is read line by line."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import Lab, env_file, environment, open_lab
from tests.integration.small_addon import RUN_SH

from ha_sandbox.runtime import bubblewrap

DEADLINE = 90.0
DOCKERFILE = """ARG BUILD_FROM=debian:stable
FROM ${BUILD_FROM}
COPY requirements.txt /
RUN test -s /requirements.txt
COPY src build_stamp.jso[n] /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""
SPEAKS = RUN_SH.replace("echo RUN_SH_PRESENT", 'echo "says $(cat "$(dirname "$0")/word")"')


@dataclass
class Loop:
    """A running `bb8deploy dev --json`; `events` are those that came, in order."""

    lab: Lab
    process: subprocess.Popen[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    came: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    errors: list[str] = field(default_factory=list)

    def wait_for(self, event: str, **values: object) -> dict[str, Any]:
        """The next event of this name with these values."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                one = self.came.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                told = [e for e in self.events if e["event"] != "log"]
                raise AssertionError(f"no {event} {values} among {told}; {self.errors}") from None
            if one["event"] == event and all(one.get(name) == value for name, value in values.items()):
                return one

    def save(self, **files: str | None) -> None:
        """Writes or deletes files of `src`."""
        for name, text in files.items():
            path = self.lab.addon / "src" / name.replace("_sh", ".sh").replace("_py", ".py")
            if text is None:
                path.unlink()
            else:
                path.write_text(text)

    def stop(self) -> int:
        """Ends it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE)


def prepare(lab: Lab) -> None:
    """The app of these tests: run.sh prints the stamp and a word."""
    source = lab.addon / "src"
    source.mkdir()
    (lab.addon / "run.sh").unlink()
    lab.write(dockerfile=DOCKERFILE)
    (lab.addon / "requirements.txt").write_text("x==1\n")
    (source / "run.sh").write_text(SPEAKS)
    (source / "run.sh").chmod(0o755)
    (source / "word").write_text("one")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A host that has never seen the app."""
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces, so the sandbox cannot replace files in a container")
    with open_lab(tmp_path) as made:
        prepare(made)
        env_file(made)
        yield made


@contextmanager
def running(lab: Lab, *words: str) -> Iterator[Loop]:
    """`bb8deploy dev --json`, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", "dev", "--json", *words],
        cwd=lab.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
    )
    loop = Loop(lab, process)

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            one = json.loads(line)
            if "event" in one:
                loop.events.append(one)
                loop.came.put(one)

    def read_errors() -> None:
        assert process.stderr
        loop.errors.extend(process.stderr)

    threads = [threading.Thread(target=read), threading.Thread(target=read_errors)]
    for thread in threads:
        thread.start()
    try:
        yield loop
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGINT)
        process.wait(DEADLINE)
        for thread in threads:
            thread.join()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
