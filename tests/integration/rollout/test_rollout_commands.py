"""A group of hosts: waves that stop, a resume, ALL_HOSTS_OK, and the table of all hosts.

The targets of the group lead to one sandbox, one after the other, and one of them is down at first.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import Lab, command, config, env_file

from bb8deploy.runs.contracts.rollout import HostModel

pytestmark = pytest.mark.e2e
GROUP = """
[groups.house]
targets = ["attic", "home", "cabin"]
canary = ["home"]
wave = 1
"""
PACE = ("--canary", "1", "--wave", "3", "--max-failures", "2", "--pause", "60")
GONE = "root@127.0.0.1:1"


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    result = json.loads(done.stdout)["result"]
    return {row["target"]: row for row in result["targets" if "targets" in result else "hosts"]}


def contract(lab: Lab) -> Any:
    (newest,) = lab.folder.glob(f"reports/runs/{latest(lab)}/rollout_contract_v1.json")
    return json.loads(newest.read_text())


def latest(lab: Lab) -> str:
    return str(json.loads((lab.folder / "reports/latest.json").read_text())["run_id"])


@pytest.fixture
def house(lab: Lab) -> Lab:
    """The group: home is up, attic is down, cabin is up."""
    env_file(lab, ".env.home")
    env_file(lab, ".env.attic", HA_SSH_HOST_ALIAS=GONE)
    env_file(lab, ".env.cabin")
    (lab.folder / "bb8deploy.toml").write_text(GROUP)
    return lab


def test_a_host_that_is_down_stops_later_waves_and_a_resume_goes_on(house: Lab) -> None:
    done = command(house, "deploy", "--target", "house")
    assert done.returncode == 3, done.stderr
    assert "done: wave 1 of 3, canary: home" in done.stderr
    assert "failed: wave 2 of 3, hosts: attic" in done.stderr
    table = [
        line.split() for line in done.stdout.splitlines() if line.startswith(("home ", "attic ", "cabin "))
    ]
    assert [row[:3] for row in table] == [
        ["home", "done", "1.0.0"],
        ["attic", "SSH_NO_CONNECTION"],
        ["cabin", "not", "started"],
    ]
    assert done.stderr.count("error ") == 1
    assert "hosts not started: 1 of 3; `bb8deploy deploy --resume --target house` continues" in done.stderr
    assert "TOKEN: ALL_HOSTS_OK" not in done.stdout
    assert "SKIPPED: ALL_HOSTS_OK reason=" in (house.folder / "reports/deploy_receipt.txt").read_text()
    assert not (house.folder / "reports/targets/cabin").exists()
    first = contract(house)
    assert (first["verdict"], first["group"], first["stopped"]) == ("FAIL", "house", "1 host failed")
    assert [(host["target"], host["result"], host["wave"]) for host in first["hosts"]] == [
        ("home", "done", 1),
        ("attic", "SSH_NO_CONNECTION", 2),
        ("cabin", "not started", 0),
    ]

    env_file(house, ".env.attic")
    again = command(house, "deploy", "--target", "house", "--resume", "--json")
    assert again.returncode == 0, again.stderr
    found = rows(again)
    assert {name: row["result"] for name, row in found.items()} == dict.fromkeys(found, "done")
    assert (found["home"]["earlier_run"], found["home"]["tokens"]) == (first["run_id"], [])
    assert found["home"].keys() >= HostModel.model_fields.keys()  # the contract and the document have one row
    assert "VERIFY_OK" in found["attic"]["tokens"]
    assert [row["name"] for row in json.loads(again.stdout)["skipped"]][-1] == "ALL_HOSTS_OK"

    verified = command(house, "verify", "--target", "house", "--json")
    assert verified.returncode == 0, verified.stderr
    (token,) = [row for row in json.loads(verified.stdout)["tokens"] if row["name"] == "ALL_HOSTS_OK"]
    assert (token["hosts"], token["group"], token["version"]) == ("3", "house", "1.0.0")
    assert token["run"] == latest(house)


def test_the_table_of_all_hosts_is_true_for_each(house: Lab) -> None:
    house.deploy()
    house.write(config=config("1.0.1"))
    done = command(house, "status", "--all", "--json")
    assert done.returncode == 3, done.stderr
    found = rows(done)
    assert sorted(found) == ["attic", "cabin", "home"]
    assert (found["attic"]["brief"], found["attic"]["error"]["code"]) == (["not read"], "SSH_NO_CONNECTION")
    home = found["home"]
    assert (home["version"], home["state"], home["error"]) == ("1.0.0", "fine", None)
    assert home["brief"] == ["other files"]
    assert "`bb8deploy deploy --target home`" in home["drift"][0]
    assert home["last_deploy"]["result"] == "verified"
    shown = command(house, "status", "--target", "house")
    assert shown.returncode == 3
    assert [line.split()[0] for line in shown.stdout.splitlines()[3:6]] == ["home", "attic", "cabin"]
    assert shown.stderr.count("error SSH_NO_CONNECTION: [attic] ") == 1


def test_a_bad_group_is_one_error_before_any_host_is_contacted(house: Lab) -> None:
    for words, code in (
        (["deploy", "--target", "houses"], "TARGET_UNKNOWN"),
        (["sync", "--target", "house"], "GROUP_NOT_TAKEN"),
    ):
        done = command(house, *words)
        assert done.returncode == 2
        assert done.stderr.count("error ") == 1
        assert f"error {code}: " in done.stderr
    house.write(config="name: 1\n")
    done = command(house, "deploy", "--target", "house")
    assert (done.returncode, done.stderr.count("error VALIDATE_FAILED: ")) == (1, 1)
    assert house.commands == []


def test_a_rollback_of_a_group_goes_back_on_each_host_once(house: Lab) -> None:
    env_file(house, ".env.attic")
    (house.folder / "bb8deploy.toml").write_text('[groups]\nhouse = ["home"]\n')
    house.deploy()
    house.write(config=config("1.0.1"))
    house.deploy()
    done = command(house, "rollback", "--target", "house", *PACE, "--json")
    assert done.returncode == 0, done.stderr
    home = rows(done)["home"]
    assert (home["result"], home["version"]) == ("done", "1.0.0")
    assert "ROLLBACK_OK" in home["tokens"]
    written = contract(house)
    assert [written[name] for name in ("canary", "wave", "max_failures", "pause")] == [1, 3, 2, 60]
    assert house.state()["version"] == "1.0.0"


def test_a_diagnosis_of_a_group_has_a_row_and_a_contract_for_each_host(house: Lab) -> None:
    (house.folder / "bb8deploy.toml").write_text('[groups]\npair = ["attic", "home"]\n')
    done = command(house, "diagnose", "--target", "pair", "--json")
    assert done.returncode in {1, 3}, done.stderr
    found = rows(done)
    assert found["attic"]["exit_code"] in {1, 3}
    assert any(check["code"] == "SSH_NO_CONNECTION" for check in found["attic"]["checks"])
    assert not any(check["code"].startswith("SSH_") for check in found["home"]["checks"])
    remedies = [check["remedy"] for check in found["home"]["checks"] if "bb8deploy deploy" in check["remedy"]]
    assert all("--target home" in remedy for remedy in remedies)
    written = [json.loads(Path(row["contract"]).read_text())["target"] for row in found.values()]
    assert written == ["attic", "home"]


def test_a_core_that_grants_no_right_is_the_error_of_its_host_and_nothing_is_sent(house: Lab) -> None:
    way = {**house.box.mount_env(), "HA_SSH_HOST_ALIAS": "", "HA_LLAT": "wrong"}
    env_file(house, ".env.shed", **way)
    Path(way["HA_MOUNT"]).mkdir()
    (house.folder / "bb8deploy.toml").write_text('[groups]\nall = ["shed", "attic"]\n')
    done = command(house, "deploy", "--target", "all", "--json")
    assert done.returncode == 3, done.stderr
    assert {row["error"]["code"] for row in rows(done).values()} == {"HA_TOKEN_REFUSED", "SSH_NO_CONNECTION"}
    assert done.stderr.count("error ") == 2
    assert list(Path(way["HA_MOUNT"]).iterdir()) == []
