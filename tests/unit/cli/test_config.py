"""`bb8deploy config` shows every setting with its origin and no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bb8deploy.settings.settings_table import KEYS

ROOT = Path(__file__).parents[3]
SECRETS = {key.name: f"sesame-{key.name.lower()}" for key in KEYS if key.secret}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a target and every secret set."""
    (tmp_path / "pyproject.toml").write_text("[tool.bb8deploy]\n")
    lines = [f"{name}={value}" for name, value in SECRETS.items()]
    lines += ["REMOTE_HOST_ALIAS=root@ha", "HA_PUBLISH_REMOTE=https://me:sesame%21@git.example/x.git"]
    (tmp_path / ".env").write_text("\n".join(lines) + "\n")
    (tmp_path / ".env.lab").write_text("HA_URL=http://lab\n")
    return tmp_path


def config(workspace: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command there, with no setting of this machine."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HA_", "MQTT_", "BB8_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "bb8deploy", "config", *words],
        cwd=workspace,
        env={**kept, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_each_setting_is_shown_with_its_origin(workspace: Path) -> None:
    done = config(workspace, "--target", "lab", MQTT_HOST="broker")
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()[2:]}
    assert list(rows) == [key.name for key in KEYS]
    assert rows["HA_SSH_HOST_ALIAS"] == ["root@ha", ".env"]
    assert rows["HA_URL"] == ["http://lab", ".env.lab"]
    assert rows["MQTT_HOST"] == ["broker", "environment"]
    assert rows["MQTT_PORT"] == ["1883", "default"]
    assert rows["HA_SSH_KEY"] == ["default"]


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_no_secret_is_shown_in_either_form(workspace: Path, words: list[str]) -> None:
    done = config(workspace, *words)
    assert "sesame" not in done.stdout + done.stderr
    assert done.stdout.count("***") == len(SECRETS) + 1
    assert "https://me:***@git.example/x.git" in done.stdout


def test_the_document_has_a_field_for_every_setting(workspace: Path) -> None:
    document = json.loads(config(workspace, "--json").stdout)
    assert list(document) == [key.name for key in KEYS]
    assert document["HA_LLAT"] == {"value": "***", "origin": ".env"}


def test_a_mistyped_key_is_named_and_stdout_stays_json(workspace: Path) -> None:
    with (workspace / ".env").open("a") as file:
        file.write("HA_LAT=x\n")
    done = config(workspace, "--json")
    assert done.stderr == "warning: .env: unknown setting HA_LAT; did you mean HA_LLAT?\n"
    assert json.loads(done.stdout)


def test_a_setting_that_cannot_be_ends_with_2_and_reports_what_it_should_be(workspace: Path) -> None:
    done = config(workspace, "--json", MQTT_PORT="70000")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "SETTING_INVALID"
    assert "Set it to a whole number from 1 to 65535" in done.stderr
