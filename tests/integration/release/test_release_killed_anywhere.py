"""A release that is killed with SIGKILL at any step ends, resumed, as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.desk import Desk

DRIVER = Path(__file__).with_name("driver.py")
ROOT = Path(__file__).parents[3]
VERSION = "2026.1.2.1"
STEPS = [
    ("release", "started"),
    ("release: preflight", "started"),
    ("release: validate", "started"),
    ("release: validate", "done"),
    ("release: bump", "started"),
    ("bump", "started"),
    ("bump", "done"),
    ("release: deploy", "started"),
    ("release: attest", "done"),
    ("publish: look at the remote", "done"),
    ("publish: push", "started"),
    ("publish: push", "done"),
    ("publish: read back", "started"),
    ("tag", "started"),
    ("release: tag", "started"),
    ("release: tag", "done"),
]


def start(desk: Desk, how: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    words = [sys.executable, str(DRIVER), str(desk.root), str(desk.store), how]
    return subprocess.Popen(words, env=env, stderr=subprocess.PIPE, start_new_session=True)


def reached(desk: Desk, step: str, state: str) -> bool:
    wanted = f'"step": "{step}", "state": "{state}"'
    return any(wanted in path.read_text() for path in (desk.root / "reports").glob("runs/*/journal.jsonl"))


def kill_at(desk: Desk, step: str, state: str) -> None:
    """Starts a release and kills it, with its git children, as soon as the journal shows the step."""
    process = start(desk, "new")
    limit = time.monotonic() + 60
    while process.poll() is None and not reached(desk, step, state):
        assert time.monotonic() < limit, "the release never got there"
        time.sleep(0.0005)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode in {0, -signal.SIGKILL}, said.decode()
    for lock in (desk.root / ".git").rglob("*.lock"):
        lock.unlink()  # what the message of GIT_LOCKED asks of the user after such a kill


@pytest.mark.parametrize(("step", "state"), STEPS)
def test_a_killed_release_is_completed_by_resume(desk: Desk, step: str, state: str) -> None:
    kill_at(desk, step, state)
    resume = start(desk, "resume")
    _, said = resume.communicate(timeout=60)
    assert resume.returncode == 0 or "RESUME_NOTHING" in said.decode(), said.decode()
    assert desk.git("log", "--format=%s").splitlines().count(f"Release {VERSION}") == 1
    assert desk.git("status", "--porcelain") == ""
    assert desk.git("rev-parse", f"{VERSION}^{{commit}}") == desk.git("rev-parse", "HEAD")
    assert desk.at_store("rev-list", "--count", "main") == "1"
    assert desk.at_store("rev-parse", f"{VERSION}^{{tree}}") == desk.git("rev-parse", "HEAD:addon")
    (folder,) = (desk.root / "reports" / "runs").iterdir()
    contract = json.loads((folder / "release_contract_v1.json").read_text())
    assert contract["verdict"] == "PASS"
    tokens = ["TESTS_OK", "BUMP_OK", "VERIFY_OK", "TELEMETRY_ATTEST_OK", "SUBTREE_PUBLISH_OK", "TAG_OK"]
    assert sorted(contract["tokens"]) == sorted(tokens)
