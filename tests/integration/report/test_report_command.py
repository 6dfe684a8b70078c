"""`bb8deploy report` as people run it, after real runs in a real workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """name: Demo
version: "1.0.0"
slug: demo
description: A demo
arch: [amd64]
options: {}
schema: {}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A small app of the generic profile, without settings."""
    addon = tmp_path / "addon"
    addon.mkdir()
    (addon / "config.yaml").write_text(CONFIG)
    (addon / "Dockerfile").write_text("ARG BUILD_FROM=debian:stable\nFROM ${BUILD_FROM}\n")
    return tmp_path


def bb8deploy(workspace: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(workspace), "LANG": "C.UTF-8", **extra}
    return subprocess.run(
        [sys.executable, "-m", "bb8deploy", *words],
        cwd=workspace, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_before_the_first_run_it_reports_what_to_do(workspace: Path) -> None:
    done = bb8deploy(workspace, "report")
    assert done.returncode == 2
    assert "error REPORT_NO_RUNS" in done.stderr
    assert "bb8deploy validate" in done.stderr
    assert not (workspace / "reports" / "report.html").exists()


def test_a_real_validate_and_then_a_deploy_to_nowhere_are_reported_each_as_it_ended(workspace: Path) -> None:
    validated = bb8deploy(workspace, "validate")
    told = bb8deploy(workspace, "report")
    assert told.returncode == 0, told.stderr
    page = workspace / "reports" / "report.html"
    assert told.stdout == f"{page}\n"
    ending = "passed" if validated.returncode == 0 else "failed"
    assert f"<title>validate 1.0.0: {ending}</title>" in page.read_text()

    failed = bb8deploy(workspace, "deploy", HA_SSH_HOST_ALIAS="root@127.0.0.1:1", HA_SSH_CONNECT_TIMEOUT="2")
    assert failed.returncode not in {0, 4}
    told = bb8deploy(workspace, "report", "--json")
    assert json.loads(told.stdout) == {"report": str(page), "bytes": page.stat().st_size}
    html = page.read_text()
    assert "failed" in html
    assert failed.stderr.partition("error ")[2].partition(":")[0] in html


def test_the_settings_passwords_are_masked_in_it(workspace: Path) -> None:
    reports = workspace / "reports" / "runs" / "20261123T101500Z-5eed01"
    reports.mkdir(parents=True)
    row = {"ts": "2026-11-23T10:15:00Z", "step": "ask hunter2-the-broker", "state": "started"}
    failed = {**row, "state": "failed", "facts": {"error": "no: hunter2-the-broker"}}
    (reports / "journal.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(failed)}\n")
    (workspace / ".env").write_text("MQTT_PASSWORD=hunter2-the-broker\n")
    assert bb8deploy(workspace, "report").returncode == 0
    html = (workspace / "reports" / "report.html").read_text()
    assert "no: ***" in html
    assert "hunter2" not in html


def test_a_strange_run_id_is_a_usage_error(workspace: Path) -> None:
    bb8deploy(workspace, "validate")
    done = bb8deploy(workspace, "report", "--run", "yesterday")
    assert done.returncode == 2
    assert "REPORT_RUN_UNKNOWN" in done.stderr
