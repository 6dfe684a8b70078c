"""`bb8deploy attest` as a person runs it: live on a terminal, its tokens on standard output."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading

import pytest
from tests.integration.attest.conftest import PATIENT
from tests.integration.desk import Desk


def _environment(settings: dict[str, str]) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("HA_", "BB8", "MQTT_")) and k != "CI"}
    return {**own, **settings, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)}


def _drain(handle: int, seen: list[bytes]) -> None:
    """Reads a terminal until its other side is closed, which Linux tells by an error."""
    try:
        while data := os.read(handle, 4096):
            seen.append(data)
    except OSError:
        return


@pytest.mark.usefixtures("real_responder")
def test_a_person_sees_the_window_live_and_gets_the_tokens(desk: Desk, settings: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    seen: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(ours, seen))
    reader.start()
    words = ["attest", "--seconds", "10", "--rate", "10"]
    done = subprocess.run(
        [sys.executable, "-c", PATIENT, *words],
        cwd=desk.root,
        env=_environment(settings),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        timeout=100,
    )
    os.close(theirs)
    reader.join(30)
    os.close(ours)
    screen = b"".join(seen).decode()
    assert done.returncode == 0, screen
    tokens = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("TOKEN: ")]
    assert set(tokens) == {"ECHO_WINDOW_10S_OK", "TELEMETRY_ATTEST_OK", "TELEMETRY_ARTIFACTS_EMITTED"}
    live = [line for line in screen.split("\r") if "p95" in line and "/10 s" in line]
    assert len(live) > 3
    assert set(live[-1]) & set("▁▂▃▄▅▆▇█")


def test_a_program_gets_one_document_and_an_exit_code(desk: Desk, settings: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bb8deploy", "attest", "--json"],
        cwd=desk.root,
        env=_environment({**settings, "MQTT_PASSWORD": "wrong"}),
        capture_output=True,
        text=True,
        timeout=100,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], told["tokens"]) == (3, 3, [])
    assert told["error"]["code"] == "BROKER_DENIED"
