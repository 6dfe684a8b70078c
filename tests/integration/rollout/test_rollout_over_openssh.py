"""Two hosts in one wave, one of them behind OpenSSH's own server; the other goes down in the middle."""

from __future__ import annotations

import getpass
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ops.bench.parts.sshd import settings_for, sshd
from tests.integration.deploylab import Lab, begun, env_file

from ha_sandbox import LocalApp, Sandbox

pytestmark = pytest.mark.e2e
WATCHING = "watch it for 600 s"


def wait_for(process: subprocess.Popen[str], fact: Callable[[], bool]) -> None:
    """Waits for a fact, for 120 s at most; fails if the process ends first."""
    deadline = time.monotonic() + 120
    while not fact():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def journal(lab: Lab, target: str) -> str:
    return "".join(
        path.read_text() for path in lab.folder.glob(f"reports/targets/{target}/runs/*/journal.jsonl")
    )


def test_a_host_that_goes_down_in_a_wave_costs_the_other_host_nothing(lab: Lab, tmp_path: Path) -> None:
    place = tmp_path / "sshd"
    place.mkdir()
    environment = dict(lab.box.ssh._login.environment())  # what its own ssh server gives to commands
    with (
        sshd(place, environment) as port,
        Sandbox(tmp_path / "second", app=LocalApp.named("beep_boop_bb8")) as second,
    ):
        alias = f"{getpass.getuser()}@127.0.0.1:{port}"
        env_file(lab, ".env.home", **{**settings_for(place, port), "HA_SSH_HOST_ALIAS": alias})
        env_file(Lab(lab.folder, second, second.env(), []), ".env.cabin", BB8_SETTLE_SECONDS="600")
        (lab.folder / "bb8deploy.toml").write_text('[groups]\npair = ["home", "cabin"]\n')
        process = begun(lab, "deploy", "--target", "pair", "--json")
        wait_for(process, lambda: WATCHING in journal(lab, "cabin"))
        second.stop()
        out, err = process.communicate(timeout=300)
    found = {row["target"]: row for row in json.loads(out)["result"]["targets"]}
    assert (found["home"]["result"], found["home"]["exit_code"]) == ("done", 0), err
    assert "DEPLOY_SSH_OK" in found["home"]["tokens"]
    assert found["cabin"]["exit_code"] in {3, 4}
    assert not {"VERIFY_OK", "DEPLOY_SSH_OK"} & set(found["cabin"]["tokens"])
    assert process.returncode == found["cabin"]["exit_code"]
    assert "TOKEN: ALL_HOSTS_OK" not in (lab.folder / "reports/deploy_receipt.txt").read_text()
    assert lab.state()["state"] == "started"
