"""The command itself, in a process of its own: text, JSON, exit codes, and the archive for a bug report."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.integration.deploylab import Lab

from bb8deploy.runs.contracts.diagnose import DiagnoseContract

HOST = "bb8-garden-host.example"
USER = "anna-of-the-garden"


def env_file(lab: Lab, **changes: str) -> None:
    """The sandbox's settings where the command looks for them; an empty value leaves one out."""
    rows = {**lab.environ, "BB8_SETTLE_SECONDS": "1", "BB8_BUILD_DEADLINE": "60", **changes}
    path = lab.folder / ".env"
    path.write_text("".join(f'{key}="{value}"\n' for key, value in rows.items() if value))
    path.chmod(0o600)


def command(lab: Lab, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs `bb8deploy` in the workspace, no terminal."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("HA_", "BB8_", "MQTT_", "SUPERVISOR_"))}
    return subprocess.run(
        [sys.executable, "-m", "bb8deploy", *words],
        cwd=lab.folder,
        capture_output=True,
        text=True,
        timeout=100,
        env={**own, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
    )


def test_a_reader_sees_groups_remedies_and_the_known_trouble(lab: Lab) -> None:
    env_file(lab)
    done = command(lab, "diagnose")
    assert done.returncode == 1, done.stderr
    shown = done.stdout.splitlines()
    assert [line for line in shown if not line.startswith(" ")][:-1] == [
        "settings", "workspace", "ssh", "core", "supervisor", "app", "runtime folder", "broker", "robot",
        "clock", "known problems",
    ]  # fmt: skip
    assert "  fail    installed  the Supervisor does not know local_beep_boop_bb8" in shown
    assert "                     do: Run `bb8deploy deploy`." in shown
    assert "  ADDON_NOT_IN_STORE" in shown
    assert shown[-1].startswith("1 failed, ")
    assert "\x1b" not in done.stdout
    assert "TOKEN:" not in done.stdout
    assert lab.environ["HA_LLAT"] not in done.stdout + done.stderr


def test_json_is_one_document_and_the_contract_reports_the_same(lab: Lab) -> None:
    env_file(lab, HA_URL="http://127.0.0.1:1", HA_SSH_HOST_ALIAS="root@127.0.0.1:1", MQTT_HOST="")
    done = command(lab, "diagnose", "--json")
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], document["exit_code"], document["tokens"]) == ("FAIL", 3, [])
    contract = DiagnoseContract.model_validate_json(Path(document["result"]["contract"]).read_text())
    assert contract.exit_code == 3
    assert contract.verdict == "FAIL"
    assert [check.model_dump() for check in contract.checks] == document["result"]["checks"]
    told = {row.name: row.value for row in contract.settings}
    assert told["HA_LLAT"] == "***"
    assert told["HA_SSH_HOST_ALIAS"] == "root@127.0.0.1:1"


def test_a_file_that_others_can_read_is_noticed(lab: Lab) -> None:
    env_file(lab, HA_SSH_HOST_ALIAS="", HA_URL="", MQTT_HOST="", HA_SSH_HOST="typo")
    (lab.folder / ".env").chmod(0o644)
    rows = json.loads(command(lab, "diagnose", "--json").stdout)["result"]["checks"]
    codes = {row["code"] for row in rows}
    assert {"ENV_READABLE", "HOST_MISSING", "SETTING_UNKNOWN"} <= codes


def test_nothing_is_written_among_the_receipts_of_other_lanes(lab: Lab) -> None:
    env_file(lab)
    receipt = lab.folder / "reports/deploy_receipt.txt"
    receipt.parent.mkdir()
    receipt.write_text("TOKEN: DEPLOY_OK run=x\n")
    command(lab, "diagnose")
    assert receipt.read_text() == "TOKEN: DEPLOY_OK run=x\n"


LOGGED = ("LogPass1", "LogToken22", "UrlUser", "UrlPass3", "b3BlbnNzaC1rZXktdjE")


def log_in_a_record(lab: Lab) -> None:
    """An earlier run ended with the log of an app that wrote secrets of its own."""
    lines = [
        "login password=LogPass1", "token LogToken22", "https://UrlUser:UrlPass3@h.example/x",
        "-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXktdjEAAA", "-----END OPENSSH PRIVATE KEY-----",
    ]  # fmt: skip
    contract = max((lab.folder / "reports/runs").glob("*/verify_contract_v1.json"))
    record = json.loads(contract.read_text())
    contract.write_text(json.dumps({**record, "details": lines}, indent=2))


def names_and_secrets(lab: Lab, home: Path) -> list[str]:
    """Everything that the archive must not hold."""
    passwords = [lab.environ["HA_LLAT"], lab.environ["MQTT_PASSWORD"], "option-password-of-anna"]
    return [*passwords, HOST, USER, "127.0.0.1", str(lab.folder), str(home), "garden-remote.example", *LOGGED]


def test_the_archive_holds_what_helps_and_no_secret_and_no_name(lab: Lab, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    text = (lab.addon / "config.yaml").read_text()
    text = text.replace("schema: {}", "schema: {word: password}")
    lab.write(config=text.replace("options: {}", "options: {word: option-password-of-anna}"))
    env_file(
        lab,
        HA_SSH_HOST_ALIAS=f"root@{HOST}:{lab.environ['HA_SSH_HOST_ALIAS'].rpartition(':')[2]}",
        MQTT_USERNAME=USER,
        HA_PUBLISH_REMOTE="git@garden-remote.example:anna/bb8.git",
    )
    assert (
        command(lab, "deploy", HOME=str(home)).returncode == 3
    )  # of a host that the settings no longer name
    env_file(lab, MQTT_USERNAME=USER, HA_PUBLISH_REMOTE="git@garden-remote.example:anna/bb8.git")
    assert command(lab, "deploy", HOME=str(home)).returncode == 0
    log_in_a_record(lab)
    file = tmp_path / "bug.tar.gz"
    done = command(lab, "diagnose", "--bundle", str(file), HOME=str(home))
    assert f"wrote {file}" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as tar:
        held = {m.name: tar.extractfile(m).read().decode() for m in tar.getmembers()}  # type: ignore[union-attr]
    names = [name.rpartition("/")[2] for name in held]
    assert {
        "versions.json", "deploy_receipt.txt", "latest.json", "journal.jsonl", "diagnose_contract_v1.json",
        "sync_contract_v1.json", "verify_contract_v1.json",
    } <= set(names)  # fmt: skip
    whole = "\n".join([*held, *held.values()])
    assert [word for word in names_and_secrets(lab, home) if word in whole] == []
    assert "<host-" in whole
    assert "TOKEN: VERIFY_OK" in whole
    for name, content in held.items():
        if name.endswith(".json"):
            json.loads(content)


def test_an_archive_that_cannot_be_written_is_an_error_of_usage(lab: Lab) -> None:
    env_file(lab, HA_SSH_HOST_ALIAS="", HA_URL="", MQTT_HOST="")
    (lab.folder / "file").write_text("")
    done = command(lab, "diagnose", "--bundle", str(lab.folder / "file/bug.tar.gz"))
    assert done.returncode == 2
    assert "BUNDLE_UNWRITABLE" in done.stderr
