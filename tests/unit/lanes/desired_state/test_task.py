"""What a task of Ansible gives to bb8deploy, and how its failures are reported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bb8deploy.catalogue.errors.app import CHECK_FAILED
from bb8deploy.lanes.desired_state.desired_state import StateOutcome
from bb8deploy.lanes.desired_state.task import HostTask, TaskReport, address, app_settings, carry_out
from bb8deploy.runs.run import Run

SECRET = "correct-horse"
CONFIG = "name: A\nversion: 1.0.0\nslug: a\ndescription: x\narch: [amd64]\n"


def done(workspace: Path, name: str = "attic", **more: object) -> TaskReport:
    task = HostTask(name, {"workspace": str(workspace), "host": "127.0.0.1", "port": 1, **more})
    return carry_out(task, lambda _: None, lambda _: None)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon/config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"host": "attic"}, "attic"),
        ({"host": "attic", "user": "root", "port": 22}, "root@attic:22"),
        ({"host": "fe80::1", "port": 22}, "[fe80::1]:22"),
        ({}, ""),
    ],
)
def test_the_address_of_a_host(given: dict[str, object], expected: str) -> None:
    assert address(given) == expected


def test_options_are_kept_apart_from_secrets() -> None:
    found = app_settings(
        {"options": {"level": "debug"}, "secret_options": {"pin": 17, "deep": {"key": "x" * 5}}}
    )
    assert found
    assert found.options == {"level": "debug", "pin": 17, "deep": {"key": "xxxxx"}}
    assert found.secret_names == {"pin", "deep"}
    assert [secret.reveal() for secret in found.secrets] == ["17", "xxxxx"]
    assert app_settings({"state": "latest"}) is None


def test_a_host_that_is_down_is_failed_and_not_unreachable(workspace: Path) -> None:
    values = done(workspace, folder="/addons/a").values
    assert (values["failed"], values["changed"], values["code"]) == (True, False, "SSH_NO_CONNECTION")
    assert "unreachable" not in values
    receipt = workspace / "reports/targets/attic/deploy_receipt.txt"
    assert "DRIFT: SSH_NO_CONNECTION " in receipt.read_text()


def test_a_host_s_settings_come_from_the_inventory_alone(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / ".env").write_text("HA_MOUNT=/mnt/other\n")
    monkeypatch.setenv("HA_MOUNT", "/mnt/other")
    values = done(workspace, settings={"HA_SSH_HOST_ALIAS": ""}).values
    assert values["code"] == "ROUTE_MISSING"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"settings": {"HA_SSH_KEYY": "x"}}, "SETTING_INVALID"),
        ({"settings": {"BB8_KEEP_TREES": 0}}, "SETTING_INVALID"),
        ({"network": {"web": 1}}, "OPTIONS_FILE_INVALID"),
        ({"addon": "nowhere"}, "ADDON_NOT_FOUND"),
        ({"instance": ""}, "INSTANCE_INVALID"),
        ({"instance": "Beta"}, "INSTANCE_INVALID"),
        ({"instance": "beta", "instance_ports": "1000"}, "INSTANCE_INVALID"),
        ({"instance_ports": "drop"}, "INSTANCE_INVALID"),
    ],
)
def test_bad_input_is_one_error_and_no_connection(
    workspace: Path, more: dict[str, object], code: str
) -> None:
    values = done(workspace, **more).values
    assert (values["failed"], values["code"]) == (True, code)
    assert str(values["msg"]).startswith(f"{code}: ")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "Set it in the task, if need be below `settings`, for example to /addons/beep_boop_bb8."),
        (
            {"settings": {"HA_SSH_HOST_ALIAS": ""}, "state": "latest", "validate": False},
            "Set one of them in the task, if need be below `settings`.",
        ),
    ],
)
def test_a_remedy_names_the_task_and_not_a_file_that_it_does_not_read(
    workspace: Path, more: dict[str, object], expected: str
) -> None:
    values = done(workspace, **more).values
    assert values["remedy"] == expected


def test_an_instance_that_cannot_be_is_named_by_its_argument(workspace: Path) -> None:
    values = done(workspace, instance="Beta").values
    assert "`instance: Beta` cannot name an instance" in str(values["msg"])
    assert "`instance: beta`" in str(values["remedy"])
    assert "--" not in str(values["msg"])


def test_a_name_of_the_inventory_is_not_a_path(workspace: Path) -> None:
    done(workspace, name="../../away", folder="/addons/a")
    assert [path.name for path in (workspace / "reports/targets").iterdir()] == ["__.._away-04a99e3d"]
    assert sorted(path.name for path in workspace.iterdir()) == ["addon", "reports"]


def test_names_that_differ_have_reports_of_their_own(workspace: Path) -> None:
    for name in ("a b", "a_b"):
        done(workspace, name=name, folder="/addons/a")
    first, second = sorted(path.name for path in (workspace / "reports/targets").iterdir())
    assert first == "a_b"
    assert second.startswith("a_b-")


def test_no_secret_is_in_a_report(workspace: Path) -> None:
    values = done(workspace, addon="correct-horse", secret_options={"a": "correct-horse"}).values
    assert values["code"] == "ADDON_NOT_FOUND"
    assert "***" in str(values["msg"])
    assert "correct-horse" not in str(values)


def test_no_secret_of_a_task_is_in_a_message_or_a_receipt(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: Run, _task: HostTask) -> StateOutcome:
        run.progress.note("says correct-horse")
        run.progress.warn("warns of correct-horse and of sesame")
        with run.step("ask"):
            raise CHECK_FAILED("the app said correct-horse")

    monkeypatch.setattr("bb8deploy.lanes.desired_state.task._state", broken)
    said: list[str] = []
    given = {"workspace": str(workspace), "host": "h", "token": "sesame", "secret_options": {"a": [SECRET]}}
    values = carry_out(HostTask("attic", given), said.append, said.append).values
    assert values["code"] == "CHECK_FAILED"
    assert said == ["says ***", "[attic] warns of *** and of ***", "ask"]
    files = [path for path in (workspace / "reports").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"journal.jsonl", "deploy_receipt.txt"}
    assert not [path.name for path in files if SECRET in path.read_text()]


def test_a_defect_is_an_error_with_a_file(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bb8deploy.lanes.desired_state.task._state", lambda *_: sys.exit("a defect"))
    values = done(workspace).values
    assert values["code"] == "INTERNAL"
    assert "Traceback" not in str(values)
