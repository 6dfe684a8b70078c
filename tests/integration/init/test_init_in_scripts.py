"""`bb8deploy init --non-interactive`: everything given, everything checked, nothing asked."""

from __future__ import annotations

import json
import stat

import pytest
from tests.integration.init.conftest import Clone

from bb8deploy.settings.load_settings import load
from bb8deploy.settings.settings_table import HA_URL
from ha_sandbox import Sandbox

SECRETS = {"HA_LLAT", "MQTT_PASSWORD"}


def given(box: Sandbox, **other: str) -> tuple[list[str], dict[str, str]]:
    """The words and the environment that name the sandbox: plain settings by --set, secrets by the latter."""
    everything = {**box.env(), **other}
    words = [word for k, v in everything.items() if k not in SECRETS for word in ("--set", f"{k}={v}")]
    return words, {k: v for k, v in everything.items() if k in SECRETS}


def test_everything_is_checked_and_written(clone: Clone, box: Sandbox) -> None:
    words, secrets = given(box)
    done = clone.run("init", "--non-interactive", *words, **secrets)
    assert done.returncode == 0, done.stderr
    for said in ("addons is there", "administrator's", "accepts the login", "Next: `bb8deploy deploy"):
        assert said in done.stderr
    own = load(clone.root, environ={}).values
    assert {k: v.raw for k, v in own.items() if v.origin == ".env"} == box.env()
    assert stat.S_IMODE(clone.env_file.stat().st_mode) == 0o600
    assert all(secret not in done.stdout + done.stderr for secret in secrets.values())


def test_an_empty_target_writes_nothing(clone: Clone) -> None:
    before = {*clone.root.iterdir()}
    done = clone.run("init", "--non-interactive", "--target", "")
    assert done.returncode == 2
    assert "error TARGET_UNKNOWN: `--target` is empty" in done.stderr
    assert {*clone.root.iterdir()} == before


def test_json_is_one_document(clone: Clone, box: Sandbox) -> None:
    words, secrets = given(box)
    done = clone.run("init", "--non-interactive", "--json", *words, **secrets)
    document = json.loads(done.stdout)
    assert document["file"] == str(clone.env_file)
    assert len(document["seen"]) == 3


@pytest.mark.parametrize(
    ("other", "code", "exit_code"),
    [
        ({"HA_LLAT": "wrong"}, "HA_TOKEN_REFUSED", 3),
        ({"MQTT_PASSWORD": "wrong"}, "BROKER_DENIED", 3),
        ({"HA_SSH_KEY": "/nowhere/key"}, "SSH_KEY_MISSING", 2),
        ({"HA_SSH_HOST_ALIAS": "root@127.0.0.1:1"}, "SSH_NO_CONNECTION", 3),
        ({"HA_URL": "http://127.0.0.1:1"}, "", 3),
        ({"HA_URL": "homeassistant"}, "HA_URL_INVALID", 2),
        ({"HA_REMOTE_RUNTIME": "/nowhere/local/beep"}, "RUNTIME_PARENT_MISSING", 1),
        ({"HA_PUBLISH_REMOTE": "/nowhere/store.git"}, "", 3),
    ],
)
def test_one_wrong_answer_writes_nothing(
    clone: Clone, box: Sandbox, other: dict[str, str], code: str, exit_code: int
) -> None:
    words, secrets = given(box, **other)
    done = clone.run("init", "--non-interactive", *words, **secrets)
    assert f"error {code}" in done.stderr
    assert done.returncode == exit_code, done.stderr
    assert not clone.env_file.exists()
    assert not (clone.root / ".gitignore").exists()


def test_a_host_key_is_never_accepted_unasked(clone: Clone, box: Sandbox) -> None:
    words, secrets = given(box, HA_SSH_KNOWN_HOSTS=str(clone.home / "known"))
    done = clone.run("init", "--non-interactive", *words, **secrets)
    assert "error HOST_KEY_UNKNOWN" in done.stderr
    assert not (clone.home / "known").exists()
    done = clone.run("init", "--non-interactive", "--accept-new", *words, **secrets)
    assert done.returncode == 0, done.stderr
    assert "SHA256:" in done.stderr


def test_all_problems_are_reported_at_once(clone: Clone, box: Sandbox) -> None:
    words, _ = given(box)
    done = clone.run("init", "--non-interactive", *words, HA_LLAT="wrong", MQTT_PASSWORD="wrong")
    assert "error HA_TOKEN_REFUSED" in done.stderr
    assert "also BROKER_DENIED" in done.stderr


def test_a_secret_on_the_command_line_is_refused(clone: Clone) -> None:
    done = clone.run("init", "--non-interactive", "--set", "HA_LLAT=abcdefgh")
    assert "error INIT_SECRET_ON_COMMAND_LINE" in done.stderr
    assert "abcdefgh" not in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize(("text", "said"), [("HA_URLL=x", "HA_URL=VALUE"), ("HA_URL", "has no value")])
def test_a_setting_that_is_none_is_named(clone: Clone, text: str, said: str) -> None:
    done = clone.run("init", "--non-interactive", "--set", text)
    assert "error INIT_SETTING_UNKNOWN" in done.stderr
    assert said in done.stderr


def test_without_a_host_there_is_nothing_to_write(clone: Clone) -> None:
    done = clone.run("init", "--non-interactive")
    assert (done.returncode, "error HOST_MISSING" in done.stderr) == (2, True)


def test_without_a_terminal_it_does_not_ask(clone: Clone) -> None:
    done = clone.run("init")
    assert (done.returncode, "error INIT_NO_TERMINAL" in done.stderr) == (2, True)


def test_an_existing_file_needs_a_yes(clone: Clone, box: Sandbox) -> None:
    words, secrets = given(box)
    clone.env_file.write_text("MY_OWN=1\n")
    done = clone.run("init", "--non-interactive", *words, **secrets)
    assert "error ENV_EXISTS" in done.stderr
    assert clone.env_file.read_text() == "MY_OWN=1\n"
    done = clone.run("init", "--non-interactive", "--yes", *words, **secrets)
    assert done.returncode == 0, done.stderr
    assert clone.env_file.read_text().startswith("MY_OWN=1\n")


def test_a_second_host_becomes_a_target_that_holds_only_what_differs(clone: Clone, box: Sandbox) -> None:
    words, secrets = given(box)
    assert clone.run("init", "--non-interactive", *words, **secrets).returncode == 0
    known = {"HA_SSH_KNOWN_HOSTS": box.env()["HA_SSH_KNOWN_HOSTS"]}
    done = clone.run(
        "init", "--non-interactive", "--target", "barn", "--set", "HA_REMOTE_SLUG=local_other", **known
    )
    assert done.returncode == 0, done.stderr
    settings = load(clone.root, target="barn", environ={})
    assert settings.ha_remote_slug == "local_other"
    assert settings.origin_of(HA_URL) == ".env"


def test_what_git_ignores_is_not_added_again_and_a_tracked_file_is_a_warning(
    clone: Clone, box: Sandbox
) -> None:
    words, secrets = given(box)
    clone.env_file.write_text("MY_OWN=1\n")
    (clone.root / ".gitignore").write_text("*.env*\n")
    clone.git("add", "-f", ".env")
    done = clone.run("init", "--non-interactive", "--yes", *words, **secrets)
    assert "git tracks .env" in done.stderr
    assert (clone.root / ".gitignore").read_text() == "*.env*\n"


def test_a_link_stays_a_link(clone: Clone, box: Sandbox) -> None:
    words, secrets = given(box)
    real = clone.home / "settings"
    real.write_text("MY_OWN=1\n")
    clone.env_file.symlink_to(real)
    done = clone.run("init", "--non-interactive", "--yes", *words, **secrets)
    assert done.returncode == 0, done.stderr
    assert clone.env_file.is_symlink()
    assert "HA_URL=" in real.read_text()


def test_where_nothing_can_be_written_the_earlier_file_is_whole(clone: Clone, box: Sandbox) -> None:
    words, secrets = given(box)
    clone.env_file.symlink_to("/proc/version")
    done = clone.run("init", "--non-interactive", "--yes", *words, **secrets)
    assert "error ENV_" in done.stderr
    assert done.returncode == 2
    assert clone.env_file.is_symlink()
