"""`release --dry-run` against a real ssh server: it shows what would happen and changes nothing anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.desk import Desk
from tests.integration.sshlab import start_sshd

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.needs_sshd


def dry_run(desk: Desk, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HA_PUBLISH_REMOTE": str(desk.store), **settings}
    command = [sys.executable, "-m", "bb8deploy", "release", "patch", "--dry-run", *words]
    return subprocess.run(command, cwd=desk.root, env=env, capture_output=True, text=True, timeout=110)


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_every_step_is_shown_with_what_the_host_would_get(desk: Desk, tmp_path: Path) -> None:
    for name in ("sshd", "addons/local/demo"):
        (tmp_path / name).mkdir(parents=True)
    runtime = tmp_path / "addons" / "local" / "demo"
    (runtime / "old.txt").write_text("old")
    (runtime / "config.yaml").write_text('name: Demo\nversion: "2026.1.1.0"\nslug: demo\n')
    before = (desk.refs(), desk.at_store("for-each-ref"), tree(tmp_path / "addons"))
    with start_sshd(tmp_path / "sshd") as sshd:
        done = dry_run(
            desk,
            "--json",
            HA_SSH_HOST_ALIAS=sshd.alias,
            HA_SSH_KEY=str(sshd.key),
            HA_SSH_KNOWN_HOSTS=str(sshd.known_hosts),
            HA_REMOTE_RUNTIME=str(tmp_path / "addons" / "local" / "demo"),
        )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    steps = {step["name"]: step for step in document["result"]["steps"]}
    assert document["result"]["version"] == "2026.1.2.1"
    assert document["tokens"] == []
    assert list(steps) == ["preflight", "validate", "bump", "deploy", "attest", "publish", "tag"]
    assert "config.yaml" in steps["deploy"]["commands"][0]
    assert "old.txt" in steps["deploy"]["commands"][0]
    assert steps["attest"]["state"] == "skipped"
    assert (desk.refs(), desk.at_store("for-each-ref"), tree(tmp_path / "addons")) == before


def test_a_host_that_is_down_stops_it_with_exit_code_three(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").touch()
    done = dry_run(
        desk,
        HA_SSH_HOST_ALIAS="root@127.0.0.1:9",
        HA_SSH_KNOWN_HOSTS=str(tmp_path / "known_hosts"),
        HA_REMOTE_RUNTIME="/addons/local/demo",
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("remedy:") == 1
    assert "Traceback" not in done.stderr
