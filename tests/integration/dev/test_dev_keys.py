"""The keys of the dev loop's screen, pressed on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, environment

pytestmark = pytest.mark.e2e
DEADLINE = 120.0


def until(what: Callable[[], bool], why: str, screen: list[bytes]) -> None:
    end = time.monotonic() + DEADLINE
    while not what():
        if time.monotonic() > end:
            raise AssertionError(f"{why}; {b''.join(screen)[-3000:]!r}")
        time.sleep(0.1)


def test_rebuild_restart_and_end_by_their_keys(lab: Lab) -> None:
    """`b` builds the same content again; `e` leaves nothing of the dev loop on the host."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", "dev"],
        cwd=lab.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment(), "TERM": "xterm"},
    )
    os.close(theirs)
    screen: list[bytes] = []
    threading.Thread(target=_read, args=(ours, screen), daemon=True).start()
    try:
        receipt = lab.folder / "reports" / "dev_receipt.txt"
        until(lambda: _live(receipt) == ["build"], "no build", screen)
        os.write(ours, b"b")
        until(lambda: _live(receipt) == ["build", "build"], "no second build", screen)
        os.write(ours, b"r")
        until(lambda: _live(receipt) == ["build", "build", "restart"], "no restart", screen)
        os.write(ours, b"e")
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert not (lab.box.local_root / "beep_boop_bb8" / ".bb8dev").exists()
    assert "TOKEN: VERIFY_OK" in (lab.folder / "reports" / "deploy_receipt.txt").read_text()


def _read(terminal: int, screen: list[bytes]) -> None:
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return
        if not data:
            return
        screen.append(data)


def _live(receipt: Path) -> list[str]:
    lines = receipt.read_text().splitlines() if receipt.is_file() else []
    words = [dict(word.partition("=")[::2] for word in x.split()) for x in lines if "LIVE_OK" in x]
    return [one["way"] for one in words]
