"""`bb8deploy history` over ssh, with two targets and one that cannot be reached."""

from __future__ import annotations

import json

import pytest
from tests.integration.deploylab import SLUG, VERSION, Lab, command, env_file

from bb8deploy.base.os_differences import user_and_machine

pytestmark = pytest.mark.e2e


def test_the_receipts_of_every_host_once(lab: Lab) -> None:
    env_file(lab, ".env.same")
    done = command(lab, "history", "--json")
    assert done.returncode == 0, done.stderr
    (host,) = json.loads(done.stdout)["result"]["hosts"]
    assert host["targets"] == ["default", "same"]
    (run,) = host["runs"]
    assert (run["slug"], run["version"], run["by"]) == (SLUG, VERSION, user_and_machine())
    assert run["result"] == "verified"
    table = command(lab, "history").stdout
    assert "default, same" in table
    assert "verified" in table


def test_a_host_that_is_down_hides_no_other(lab: Lab) -> None:
    env_file(lab, ".env.down", HA_SSH_HOST_ALIAS="root@127.0.0.1:1")
    done = command(lab, "history")
    assert done.returncode == 3
    assert "verified" in done.stdout
    assert "error SSH_" in done.stderr


def test_a_host_without_a_receipt_reports_it(lab: Lab) -> None:
    env_file(lab, HA_REPORTS_DIR="/nowhere")
    done = command(lab, "history")
    assert done.returncode == 0, done.stderr
    assert "no run" in done.stderr


def test_without_a_host_there_is_one_error(lab: Lab) -> None:
    (lab.folder / ".env").write_text("")
    done = command(lab, "history")
    assert done.returncode == 2
    assert "HOST_MISSING" in done.stderr


def test_a_failed_run_stands_in_the_history_of_its_own_app_alone(lab: Lab) -> None:
    (lab.box.local_root / "beep_boop_bb8/run.sh").write_text("#!/bin/sh\nexit 1\n")
    failed = command(lab, "deploy")
    assert "error HAND_EDITED" in failed.stderr
    assert f" slug={SLUG} by={user_and_machine()} run=" in failed.stdout
    newest = runs_of(lab)[0]
    assert (newest["slug"], newest["by"], newest["error"]) == (SLUG, user_and_machine(), "HAND_EDITED")
    assert runs_of(lab, HA_REMOTE_SLUG="local_another") == []


def runs_of(lab: Lab, **environ: str) -> list[dict[str, str]]:
    """The runs in the history of the workspace's app, the newest first."""
    done = command(lab, "history", "--json", **environ)
    assert done.returncode == 0, done.stderr
    (host,) = json.loads(done.stdout)["result"]["hosts"]
    return list(host["runs"])
