"""`release --dry-run` against an embedded host: it shows what would happen and changes nothing anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.deploylab import command
from tests.integration.desk import Desk
from tests.integration.release.site import open_site

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.needs_sshd


def dry_run(desk: Desk, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HA_PUBLISH_REMOTE": str(desk.store), **settings}
    command = [sys.executable, "-m", "bb8deploy", "release", "patch", "--dry-run", *words]
    return subprocess.run(command, cwd=desk.root, env=env, capture_output=True, text=True, timeout=110)


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_every_step_is_shown_with_what_the_host_would_get(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        host = site.lab.box.local_root
        runtime = Path(site.lab.environ["HA_REMOTE_RUNTIME"])
        runtime.mkdir(parents=True, exist_ok=True)
        (runtime / "old.txt").write_text("old")
        config = (site.lab.addon / "config.yaml").read_text()
        (runtime / "config.yaml").write_text(config.replace("1.0.0", "0.9.0"))
        before = (site.lab.git("for-each-ref"), site.at_store("for-each-ref"), tree(host))
        done = command(site.lab, "release", "patch", "--dry-run", "--json")
        after = (site.lab.git("for-each-ref"), site.at_store("for-each-ref"), tree(host))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    steps = {step["name"]: step for step in document["result"]["steps"]}
    assert document["result"]["version"] == "1.0.1"
    assert document["tokens"] == []
    assert list(steps) == ["preflight", "validate", "bump", "deploy", "attest", "publish", "tag"]
    assert "config.yaml" in steps["deploy"]["commands"][0]
    assert "old.txt" in steps["deploy"]["commands"][0]
    assert steps["attest"]["state"] == "skipped"
    assert after == before


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
