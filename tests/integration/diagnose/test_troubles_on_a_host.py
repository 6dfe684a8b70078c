"""The canonical troubles, each made on an embedded host and recognised by its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.integration.deploylab import SLUG, Lab, config
from tests.integration.diagnose.conftest import look, runtime
from tests.integration.small_addon import DOCKERFILE, RUN_SH
from tests.integration.sshlab import start_sshd

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.deploy.deploy import DeployOptions, deploy
from bb8deploy.lanes.sync.sync import sync
from bb8deploy.runs.tokens import Token
from ha_sandbox import LocalApp, Sandbox
from ha_sandbox.runtime import bubblewrap

MOST_COMMANDS = 8

pytestmark = pytest.mark.e2e

REFUSED = "WARNING bb8.main: the broker refused the login (Not authorized): check mqtt_username"
TWICE = "ERROR bb8.echo: another echo responder took over bb8: silent from here on"
QUIET = RUN_SH.replace("echo RUN_SH_PRESENT\n", "").replace('$(dirname "$0")', "/usr/src/app")


def evidence(lab: Lab, name: str, **flags: str) -> str:
    """What is said of the one trouble that is recognised."""
    seen = look(lab, **flags)
    assert seen.troubles == {name}, seen.diagnosis.troubles
    return seen.diagnosis.troubles[0].evidence


def deploy_ends_it(lab: Lab) -> None:
    """The remedy that the table names is carried out, hand edits given up, and the trouble is gone."""
    run = lab.run()
    run.assume_yes = True
    deploy(run)
    assert look(lab).troubles == set()


def reload_store(lab: Lab) -> None:
    lab.box.call("POST", "/store/reload")


def test_not_available_inside_the_store_because_config_yaml_is_gone(lab: Lab) -> None:
    lab.deploy()
    (runtime(lab) / "config.yaml").unlink()
    (runtime(lab) / "Dockerfile").touch()
    reload_store(lab)
    assert "has no config.yaml" in evidence(lab, "ADDON_NOT_IN_STORE")
    deploy_ends_it(lab)


def test_not_available_inside_the_store_because_config_yaml_is_broken(lab: Lab) -> None:
    lab.deploy()
    (runtime(lab) / "config.yaml").write_text('name: Beep\nversion: "1.0.0"\nslug: beep_boop_bb8\n')
    reload_store(lab)
    said = evidence(lab, "ADDON_NOT_IN_STORE")
    assert "config.yaml" in said, said  # the Supervisor's own log is quoted
    assert look(lab).failed()["app/installed"] == "ADDON_NOT_IN_STORE"


def test_registered_but_to_be_installed(lab: Lab) -> None:
    shutil.copytree(lab.addon, runtime(lab))
    reload_store(lab)
    assert "not installed" in evidence(lab, "ADDON_NOT_INSTALLED")
    deploy_ends_it(lab)


def test_the_supervisor_tries_to_pull(lab: Lab) -> None:
    lab.deploy()
    text = (lab.addon / "config.yaml").read_text()
    (runtime(lab) / "config.yaml").write_text(f"{text}image: registry.example/you/beep\n")
    assert "registry.example/you/beep" in evidence(lab, "SUPERVISOR_PULLS")
    deploy_ends_it(lab)


def test_run_sh_is_missing_on_the_host(lab: Lab) -> None:
    lab.deploy()
    dockerfile = runtime(lab) / "Dockerfile"
    dockerfile.write_text(DOCKERFILE.replace("COPY run.sh", "COPY walk.sh"))
    assert evidence(lab, "RUN_SH_MISSING") == "the Dockerfile on the host does not copy run.sh"
    (runtime(lab) / "run.sh").unlink()
    assert evidence(lab, "RUN_SH_MISSING").endswith("has no run.sh")


@pytest.mark.skipif(not bubblewrap.allowed(), reason="SKIPPED: no user namespaces")
def test_run_sh_is_missing_in_the_container(lab: Lab) -> None:
    """The app itself reports none. A launcher that does not see it in the usual places says nothing of it."""
    moved = DOCKERFILE.replace("COPY run.sh", "COPY run.sh /opt/begin.sh\nCOPY")
    lab.write(run_sh=QUIET, dockerfile=moved.replace("/usr/src/app/run.sh", "/opt/begin.sh"))
    lab.deploy(BB8_VERIFY="stamp")
    assert Token.RUN_SH_PRESENT not in lab.tokens
    assert evidence(lab, "RUN_SH_MISSING") == "the running app reports that it has no run.sh"
    (lab.addon / "more.txt").write_text("more\n")
    lab.deploy()
    assert look(lab).troubles == set()
    lab.write(dockerfile=DOCKERFILE)
    lab.deploy()
    assert Token.RUN_SH_PRESENT in lab.tokens
    assert look(lab).troubles == set()


def test_the_ssh_user_may_not_write_there(lab: Lab, tmp_path: Path) -> None:
    bwrap = shutil.which("bwrap")
    if not bwrap:
        pytest.skip("SKIPPED: bubblewrap is not installed")
    lab.deploy()
    script = tmp_path / "read-only"
    script.write_text(f'#!/bin/sh\nexec {bwrap} --ro-bind / / --dev /dev sh -c "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    (tmp_path / "sshd").mkdir()
    with start_sshd(tmp_path / "sshd", options=[f"ForceCommand {script}"]) as server:
        seen = look(
            lab,
            HA_SSH_HOST_ALIAS=server.alias,
            HA_SSH_KEY=str(server.key),
            HA_SSH_KNOWN_HOSTS=str(server.known_hosts),
        )
    assert "RUNTIME_NOT_WRITABLE" in seen.troubles
    assert seen.failed()["ssh/rights"] == "RUNTIME_NOT_WRITABLE"


def test_the_broker_turns_the_add_on_away_and_another_responder_is_there(lab: Lab) -> None:
    said = "".join(f"echo '{line}'\n" for line in [REFUSED] * 6 + [TWICE])
    lab.write(run_sh=RUN_SH.replace("trap ", f"{said}trap "))
    lab.deploy()
    seen = look(lab)
    assert seen.troubles == {"BROKER_STORM", "RESPONDER_TWICE"}
    assert "6 failed broker connections" in seen.diagnosis.troubles[0].evidence


def test_files_were_sent_and_the_add_on_only_restarted(lab: Lab) -> None:
    """The procedure's own fallback: sync, then a restart by Core's service, HTTP 200 and all."""
    lab.deploy()
    (lab.addon / "new.txt").write_text("new\n")
    from bb8deploy.host.open_host import open_host

    run = lab.run()
    with open_host(run.settings, run.progress) as host:
        sync(run, host)
    lab.box.call("POST", f"/addons/{SLUG}/restart")
    assert "another digest" in evidence(lab, "FILES_NOT_BUILT")
    deploy_ends_it(lab)


def test_a_bumped_version_was_copied_but_the_store_not_reloaded(lab: Lab) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))
    shutil.copy(lab.addon / "config.yaml", runtime(lab) / "config.yaml")
    seen = look(lab)
    assert seen.troubles == {"STORE_NOT_RELOADED", "FILES_NOT_BUILT"}
    assert seen.named("app", "versions").seen == (
        "1.0.1 here, 1.0.1 on the host, 1.0.0 in the store, 1.0.0 installed"
    )
    deploy_ends_it(lab)


def test_the_version_does_not_update_because_nothing_was_copied(lab: Lab) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))
    assert evidence(lab, "FILES_NOT_SYNCED") == "the workspace is 1.0.1, the host's files are 1.0.0"


def test_packages_that_alpine_does_not_have(lab: Lab) -> None:
    shutil.copytree(lab.addon, runtime(lab))
    lines = "RUN apk add --no-cache python3 py3-venv\nRUN apt-get -y install bluez\n"
    (runtime(lab) / "Dockerfile").write_text(DOCKERFILE + lines)
    assert {"PACKAGE_PY3_VENV", "PACKAGE_APT"} <= look(lab).troubles


def test_no_base_image_is_passed_to_the_build(lab: Lab) -> None:
    lab.write(dockerfile=DOCKERFILE.replace("ARG BUILD_FROM=debian:stable", "ARG BUILD_FROM"))
    with pytest.raises(Bb8Error):
        lab.deploy(DeployOptions(validate=False))
    seen = look(lab)
    assert "FROM_WITHOUT_DEFAULT" in seen.troubles
    told = next(t for t in seen.diagnosis.troubles if t.name == "FROM_WITHOUT_DEFAULT")
    assert "should not be blank" in told.evidence


def test_a_repository_and_caches_in_the_runtime_folder(lab: Lab) -> None:
    lab.deploy()
    for path in (".git/HEAD", "bb8_core/__pycache__/x.pyc"):
        (runtime(lab) / path).parent.mkdir(parents=True, exist_ok=True)
        (runtime(lab) / path).write_text("x")
    seen = look(lab)
    assert seen.troubles == {"CACHE_IN_RUNTIME", "RUNTIME_HAS_GIT"}
    assert seen.failed() == {"runtime folder/repository": "RUNTIME_HAS_GIT"}
    assert seen.level("runtime folder", "files") == "ok"  # what is ignored is no difference


def test_a_second_config_file_claims_the_slug(lab: Lab) -> None:
    lab.deploy()
    other = runtime(lab).parent / "old_copy"
    other.mkdir()
    shutil.copy(lab.addon / "config.yaml", other)
    seen = look(lab)
    assert seen.failed() == {"runtime folder/claims": "TOPOLOGY_WRONG"}
    assert "old_copy claims the slug" in seen.named("runtime folder", "claims").seen


def test_settings_that_lead_astray(lab: Lab) -> None:
    shutil.copytree(lab.addon, runtime(lab))
    wrong = {
        "HA_URL_MISSING": {"HA_URL": ""},
        "HA_URL_INVALID": {"HA_URL": "192.168.0.129:8123"},
        "TOKEN_NOT_FOUND": {"HA_LLAT": ""},
        "SLUG_ELSEWHERE": {"HA_REMOTE_SLUG": "local_beep"},
    }
    fine = look(lab).troubles
    assert not fine & set(wrong)
    assert {name: look(lab, **changes).troubles - fine for name, changes in wrong.items()} == {
        name: {name} for name in wrong
    }


def test_another_user_than_root_has_no_supervisor_token(lab: Lab, tmp_path: Path) -> None:
    with Sandbox(
        tmp_path / "second", app=LocalApp.named("beep_boop_bb8"), user="babylon-babes", token=False
    ) as box:
        lab.box, lab.environ = box, box.env()
        seen = look(lab)
    assert "SSH_USER_WITHOUT_TOKEN" in seen.troubles
    assert seen.warned()["supervisor/ways"] == "ROUTE_CLOSED"
    assert seen.level("supervisor", "health") == "ok"  # through Core


def test_the_shell_is_slow_and_prints(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "busy"
    count = tmp_path / "commands"
    script.write_text(
        f'#!/bin/sh\necho >>"{count}"; echo "Welcome!"; sleep 1; exec sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    script.chmod(0o755)
    (tmp_path / "sshd").mkdir()
    with start_sshd(tmp_path / "sshd", options=[f"ForceCommand {script}"]) as server:
        seen = look(
            lab,
            HA_SSH_HOST_ALIAS=server.alias,
            HA_SSH_KEY=str(server.key),
            HA_SSH_KNOWN_HOSTS=str(server.known_hosts),
            HA_URL="",
        )
    assert len(count.read_text()) <= MOST_COMMANDS
    codes = [c.code for c in seen.diagnosis.checks if (c.subject, c.name) == ("ssh", "shell")]
    assert codes == ["SHELL_SLOW", "SHELL_NOISY"]
    assert seen.named("ssh", "ha").code == "HA_CLI_MISSING"
    assert seen.failed()["supervisor/ways"] == "HA_CLI_MISSING"
