"""The commands themselves, in processes of their own: deploy, verify, rollback, status, logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.integration.deploylab import SLUG, Lab, command, config, env_file, environment
from tests.integration.small_addon import DIES

from ha_sandbox import LocalApp, Sandbox

pytestmark = pytest.mark.e2e


def test_a_day_with_the_commands(lab: Lab) -> None:
    env_file(lab)
    planned = command(lab, "deploy", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert f"would install {SLUG}: it is not installed" in planned.stdout

    done = command(lab, "deploy")
    assert done.returncode == 0, done.stderr
    tokens = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("TOKEN: ")]
    assert tokens[-3:] == ["VERIFY_OK", "RUNTIME_TOPOLOGY_OK", "DEPLOY_SSH_OK"]
    listed = command(lab, "rollback", "--list")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "the host keeps no earlier tree" in listed.stderr
    receipt = (lab.folder / "reports/deploy_receipt.txt").read_text()
    assert receipt == "".join(f"{line}\n" for line in done.stdout.splitlines() if ": " in line)

    shown = json.loads(command(lab, "status", "--json").stdout)
    places = {row["name"]: row for row in shown["result"]["places"]}
    assert places["here"]["tree"] == places["host"]["tree"] == places["running"]["tree"]
    assert places["host"]["detail"] == "same as here"
    assert "deploy to default" in places["last run"]["detail"]

    log = command(lab, "logs", "-n", "10")
    assert "IDENTITY version=1.0.0" in log.stdout
    assert "INFO" in command(lab, "logs", "--supervisor").stdout

    again = json.loads(command(lab, "verify", "--json").stdout)
    assert again["verdict"] == "PASS"
    assert {"VERIFY_OK", "RUNTIME_TOPOLOGY_OK"} <= {row["name"] for row in again["tokens"]}

    lab.write(config=config("1.0.1"), run_sh=DIES)
    failed = command(lab, "deploy")
    assert failed.returncode == 4
    assert "dying: no robot here" in failed.stderr
    assert "rolled back: 1.0.0 runs again" in failed.stderr
    assert "TOKEN: VERIFY_OK" not in failed.stdout
    assert "DRIFT: ADDON_DIED" in failed.stdout


def test_several_targets_one_of_them_gone(lab: Lab) -> None:
    env_file(lab, ".env.home")
    env_file(lab, ".env.cabin", HA_SSH_HOST_ALIAS="root@127.0.0.1:1")
    planned = command(lab, "deploy", "--target", "cabin", "--target", "home", "--dry-run")
    assert planned.returncode == 3
    assert f"[home] would install {SLUG}: it is not installed" in planned.stdout

    done = command(lab, "deploy", "--target", "cabin", "--target", "home", "--target", "nowhere", "--json")
    assert done.returncode == 2, done.stderr  # of 3 for a host that is away and 2 for settings, 2 is graver
    rows = {row["target"]: row for row in json.loads(done.stdout)["result"]["targets"]}
    assert (rows["home"]["result"], rows["home"]["exit_code"]) == ("done", 0)
    assert "VERIFY_OK" in rows["home"]["tokens"]
    assert (rows["cabin"]["result"], rows["cabin"]["exit_code"]) == ("SSH_NO_CONNECTION", 3)
    assert rows["cabin"]["error"]["remedy"]
    assert (rows["nowhere"]["result"], rows["nowhere"]["exit_code"]) == ("TARGET_UNKNOWN", 2)
    receipts = lab.folder / "reports/targets"
    assert "TOKEN: VERIFY_OK" in (receipts / "home/deploy_receipt.txt").read_text()
    assert "DRIFT: SSH_NO_CONNECTION" in (receipts / "cabin/deploy_receipt.txt").read_text()
    assert "TOKEN" not in (receipts / "cabin/deploy_receipt.txt").read_text()


def test_the_secrets_and_slips_of_every_target_are_known_not_only_the_first_ones(lab: Lab) -> None:
    env_file(lab, ".env.home")
    env_file(
        lab,
        ".env.cabin",
        HA_SSH_HOST_ALIAS="root@127.0.0.1:1",
        MQTT_PASSWORD="Connection refused",
        MQTT_HOTS="x",
    )
    done = command(lab, "deploy", "--target", "home", "--target", "cabin", "--dry-run")
    assert done.returncode == 3
    assert "[cabin]" in done.stderr
    assert "***" in done.stderr
    assert "Connection refused" not in done.stdout + done.stderr
    assert "unknown setting MQTT_HOTS; did you mean MQTT_HOST?" in done.stderr


def test_several_hosts_are_served_side_by_side_and_each_reports_its_own(lab: Lab, tmp_path: Path) -> None:
    lab.deploy()
    with Sandbox(tmp_path / "second", app=LocalApp.named("beep_boop_bb8")) as second:
        other = Lab(lab.folder, second, second.env(), lab.commands)
        env_file(lab, ".env.home")
        env_file(other, ".env.cabin")
        lab.write(config=config("1.0.1"), run_sh=DIES)
        second.install(lab.addon, {})
        both = command(lab, "deploy", "--target", "home", "--target", "cabin")
    assert both.returncode == 4, both.stderr
    assert "error ADDON_DIED: [home] " in both.stderr
    assert "rolled back: 1.0.0 runs again" in both.stderr
    assert "error ADDON_DIED: [cabin] " in both.stderr
    assert both.stderr.count("    dying: no robot here") >= 2
    rows = [line.split() for line in both.stdout.splitlines() if line.startswith(("home ", "cabin "))]
    assert [row[:2] for row in rows] == [["home", "ADDON_DIED"], ["cabin", "ADDON_DIED"]]
    assert "TOKEN: VERIFY_OK" not in both.stdout


def test_a_file_name_on_the_host_that_is_not_utf_8_stops_no_deploy(lab: Lab) -> None:
    env_file(lab, ".env.home")
    env_file(lab, ".env.cabin", HA_SSH_HOST_ALIAS="root@127.0.0.1:1")
    place = lab.box.local_root / "beep_boop_bb8"
    assert command(lab, "deploy", "--target", "home").returncode == 0
    Path(os.fsdecode(os.fsencode(place) + b"/caf\xe9.txt")).touch()
    done = command(lab, "deploy", "--yes", "--target", "home", "--target", "cabin", "--json")
    rows = {row["target"]: row for row in json.loads(done.stdout)["result"]["targets"]}
    assert rows["cabin"]["result"] == "SSH_NO_CONNECTION"
    assert (rows["home"]["result"], rows["home"]["tokens"][-1]) == ("done", "DEPLOY_SSH_OK")
    (contract,) = Path(rows["home"]["reports"]).glob("runs/*/sync_contract_v1.json")
    assert json.loads(contract.read_text(encoding="utf-8"))["verdict"] == "PASS"

    again = command(lab, "deploy", "--target", "home", "--target", "cabin", "--resume", "--json")
    rows = {row["target"]: row for row in json.loads(again.stdout)["result"]["targets"]}
    assert rows["cabin"]["result"] == "SSH_NO_CONNECTION"
    assert (rows["home"]["result"], rows["home"]["action"]) == ("done", "none")


def test_a_rollback_by_hand_to_a_tag(lab: Lab) -> None:
    env_file(lab)
    assert command(lab, "deploy").returncode == 0
    lab.git("tag", "1.0.0")
    lab.write(config=config("1.0.1"))
    assert command(lab, "deploy").returncode == 0
    for words in (["rollback", "1.0.0"], ["rollback"]):
        planned = command(lab, *words, "--dry-run")
        assert planned.returncode == 0, planned.stderr
        assert f"would update {SLUG}: 1.0.1 is installed" in planned.stdout
        assert lab.state()["version"] == "1.0.1"
    done = command(lab, "rollback", "1.0.0")
    assert done.returncode == 0, done.stderr
    assert "TOKEN: ROLLBACK_OK version=1.0.0" in done.stdout
    assert "1.0.0 runs again, verified (proof: sealed); action: update" in done.stderr
    assert lab.state()["version"] == "1.0.0"
    forward = command(lab, "rollback")
    assert forward.returncode == 0, forward.stderr
    assert lab.state()["version"] == "1.0.1"


def test_followed_logs_show_new_lines_until_they_are_stopped(lab: Lab) -> None:
    env_file(lab)
    lab.deploy()
    process = subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", "logs", "--follow"],
        cwd=lab.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout
    seen = threading.Event()
    out = process.stdout

    def read() -> None:
        for line in out:
            if "IDENTITY version=" in line:
                seen.set()

    reader = threading.Thread(target=read)
    reader.start()
    restarts = 0
    try:
        while not seen.wait(5) and restarts < 12:
            lab.box.call("POST", "/addons/local_beep_boop_bb8/restart")
            restarts += 1
        assert seen.is_set()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(60)
        reader.join(60)
        process.stdout.close()
        if process.stderr:
            process.stderr.close()
