"""No process of a sandbox outlives it, whether it ends by Ctrl-C, kill or kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ha_sandbox.runtime import bubblewrap

ROOT = Path(__file__).parents[3]
HOST = """
import sys, time
from pathlib import Path
from ha_sandbox import Sandbox
from ha_sandbox.runtime import bubblewrap
if sys.argv[3] == "plain":
    bubblewrap.allowed = lambda: False
with Sandbox(Path(sys.argv[1])) as box:
    box.install(Path(sys.argv[2]), {})
    print("ready", flush=True)
    time.sleep(600)
"""
MARK = "BB8_TEST_MARK"
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


def marked(mark: str) -> list[int]:
    """The processes of one test, recognised by an inherited variable or by their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in told:
            found.append(int(folder.name))
    return found


def await_marked(mark: str, number: int) -> None:
    """The host, its app and, where mosquitto is installed, a broker of its own."""
    deadline = time.monotonic() + 60
    while len(found := marked(mark)) < number:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="SKIPPED: this machine has no /proc")
@pytest.mark.parametrize("way", ["isolated", "plain"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left(tmp_path: Path, probe: Path, way: str, number: signal.Signals) -> None:
    if way == "isolated" and not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    mark = f"bb8-{os.getpid()}-{time.monotonic_ns()}"
    place = tmp_path / mark  # so that it stands in the words of what is started with a bare environment
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), MARK: mark}
    argv = [sys.executable, "-c", HOST, str(place), str(probe), way]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        await_marked(mark, 3 if shutil.which("mosquitto", path=SEARCH) else 2)
        process.send_signal(number)
    deadline = time.monotonic() + 60
    while left := marked(mark):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
