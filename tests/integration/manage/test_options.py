"""`bb8deploy options` against an embedded host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, command, config, env_file, open_lab
from tests.integration.small_addon import DIES

pytestmark = pytest.mark.e2e
OPTIONS = (
    "options:\n  level: info\n  password: hunter22\nports:\n  8080/tcp: null\n"
    "schema:\n  level: list(info|debug)\n  password: password\n  size: int(1,9)?\n"
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A host with an app that has options."""
    with open_lab(tmp_path) as made:
        made.write(config=config("1.0.0").replace("options: {}\nschema: {}\n", OPTIONS))
        made.deploy()
        env_file(made)
        yield made


def test_get_shows_everything_but_passwords(lab: Lab) -> None:
    done = command(lab, "options", "get")
    assert done.returncode == 0, done.stderr
    assert 'options.level: "info"' in done.stdout
    assert 'boot: "auto"' in done.stdout
    assert "hunter22" not in done.stdout + done.stderr
    row = json.loads(command(lab, "options", "get", "--json").stdout)["result"]
    assert row["options"]["password"] == "***"


def test_apply_sets_what_the_file_names_and_nothing_else(lab: Lab) -> None:
    file = lab.folder / "kitchen.yaml"
    file.write_text(
        "options:\n  level: debug\n  password: !env PIN\n"
        "network:\n  8080/tcp: 18080\nboot: manual\nwatchdog: true\n"
    )
    seen = command(lab, "options", "apply", str(file), "--dry-run", PIN="s3cret-pin")
    assert seen.returncode == 0, seen.stderr
    assert 'options.level: "info" -> "debug"' in seen.stdout
    assert lab.state()["boot"] == "auto"

    done = command(lab, "options", "apply", str(file), "--restart", PIN="s3cret-pin")
    assert done.returncode == 0, done.stderr
    now = lab.state()
    assert now["options"] == {"level": "debug", "password": "s3cret-pin"}
    assert (now["network"], now["boot"], now["watchdog"]) == ({"8080/tcp": 18080}, "manual", True)
    assert now["auto_update"] is False
    kept = [path.read_text() for path in (lab.folder / "reports").rglob("*") if path.is_file()]
    assert not any("s3cret-pin" in text for text in [seen.stdout, done.stdout, done.stderr, *kept])

    again = command(lab, "options", "apply", str(file), PIN="s3cret-pin")
    assert "nothing to change" in again.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "level=loud"), "level"),
        (("set", "levle=debug"), "did you mean `level`?"),
        (("set", "size=12"), "size"),
        (("set", "password=null", "level=null"), ""),
    ],
)
def test_what_the_schema_refuses_is_one_error_and_changes_nothing(
    lab: Lab, words: tuple[str, ...], said: str
) -> None:
    before = lab.state()["options"]
    done = command(lab, "options", *words)
    assert (done.returncode == 1) == bool(said), done.stderr
    assert said in done.stderr
    assert done.stderr.count("error ") == bool(said)
    assert "hunter22" not in done.stdout + done.stderr
    assert lab.state()["options"] == before


def test_a_port_that_the_app_does_not_have_is_refused(lab: Lab) -> None:
    file = lab.folder / "kitchen.yaml"
    file.write_text("network:\n  9090/tcp: 1\n")
    done = command(lab, "options", "apply", str(file))
    assert done.returncode == 1
    assert "no port 9090/tcp" in done.stderr


@pytest.mark.parametrize("text", ["ingress_panel: true\n", "watchdog: true\n"])
def test_a_setting_that_the_supervisor_would_ignore_is_refused(lab: Lab, text: str) -> None:
    lab.write(config=config("1.0.1") + "startup: once\n")
    lab.deploy()
    (lab.folder / "kitchen.yaml").write_text(text)
    done = command(lab, "options", "apply", str(lab.folder / "kitchen.yaml"))
    assert done.returncode == 1
    assert "OPTIONS_REFUSED: the Supervisor would ignore" in done.stderr
    assert f"Leave `{text.partition(':')[0]}` out." in done.stderr


def test_an_app_that_is_not_installed_has_no_options(lab: Lab) -> None:
    assert command(lab, "remove", "--yes").returncode == 0
    for words in (("get",), ("set", "level=debug")):
        done = command(lab, "options", *words)
        assert done.returncode == 1
        assert "ADDON_NOT_INSTALLED" in done.stderr


def options_file(lab: Lab, text: str) -> None:
    (lab.folder / "kitchen.yaml").write_text(text)
    env_file(lab, BB8_OPTIONS="kitchen.yaml")


def test_a_deploy_applies_the_targets_file_and_proves_the_app_again(lab: Lab) -> None:
    options_file(lab, "options:\n  level: debug\nwatchdog: true\n")
    done = command(lab, "deploy")
    assert done.returncode == 0, done.stderr
    assert "TOKEN: VERIFY_OK" in done.stdout
    assert lab.state()["options"] == {"level": "debug", "password": "hunter22"}
    assert lab.state()["watchdog"] is True
    again = command(lab, "deploy")
    assert "up to date" in again.stderr
    assert "set the app's options" not in again.stderr


def test_a_deploy_with_a_wrong_file_changes_nothing(lab: Lab) -> None:
    options_file(lab, "options:\n  level: loud\n")
    done = command(lab, "deploy")
    assert done.returncode == 1
    assert "OPTIONS_INVALID" in done.stderr
    assert lab.state()["options"] == {"level": "info", "password": "hunter22"}
    assert lab.state()["state"] == "started"
    options_file(lab, "level: debug\n")
    assert "OPTIONS_FILE_INVALID" in command(lab, "deploy").stderr


def test_a_rollback_puts_the_earlier_options_back(lab: Lab) -> None:
    options_file(lab, "options:\n  level: debug\nboot: manual\n")
    lab.write(config=config("1.0.1").replace("options: {}\nschema: {}\n", OPTIONS), run_sh=DIES)
    done = command(lab, "deploy")
    assert done.returncode == 4, done.stderr
    assert "TOKEN: ROLLBACK_OK" in done.stdout
    now = lab.state()
    assert (now["version"], now["options"], now["boot"]) == (
        "1.0.0",
        {"level": "info", "password": "hunter22"},
        "auto",
    )
