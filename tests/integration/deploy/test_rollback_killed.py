"""A rollback that is killed or fails after its swap: the next one completes it, and goes no further back."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest
from tests.integration.deploy.test_choice_of_the_earlier_tree import next_second
from tests.integration.deploy.test_what_a_rollback_trusts import break_builds_of
from tests.integration.deploylab import DEADLINE, SLUG, Lab, command, config, env_file, environment
from tests.integration.release import driver
from tests.integration.small_addon import DIES, RUN_SH
from tests.integration.witness import Witness, stamp_on

from bb8deploy.runs.journal import PUT_BACK

pytestmark = pytest.mark.e2e

FOUND = "a run that was interrupted or failed had put an earlier tree back (1.0.1 of run "
KILLED = [
    pytest.param("ssh", (PUT_BACK, "done"), id="ssh: right after the swap"),
    pytest.param("ssh", ("reload the store", "started"), id="ssh: before the build"),
    pytest.param("ssh", ("watch it for 0.2 s", "done"), id="ssh: after the build"),
    pytest.param("mount", (PUT_BACK, "done"), id="mount: right after the swap"),
]


def killed(lab: Lab, moment: tuple[str, str], *words: str) -> None:
    """Runs `bb8deploy` in the workspace, and kills it at this moment of its journal."""
    done = subprocess.run(
        [sys.executable, driver.__file__, "SIGKILL", *moment, *words],
        cwd=lab.folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env=environment(),
    )
    assert done.returncode == -9, done.stderr
    assert "ROLLBACK_OK" not in done.stdout


def deploy_all(lab: Lab, *versions: str) -> None:
    """Deploys these versions, each in a second of its own: run ids name it."""
    for version in versions:
        lab.write(config=config(version))
        next_second(lab.deploy().synced.run_id_on_host)


@pytest.mark.parametrize(("route", "moment"), KILLED)
def test_the_next_rollback_completes_one_that_was_killed(
    lab: Lab, route: str, moment: tuple[str, str]
) -> None:
    if route == "mount":
        lab.leave_ssh_for_the_mount()
        lab.environ["HA_REMOTE_RUNTIME"] = "/addons/beep_boop_bb8"  # the host's own name of the share
    deploy_all(lab, "1.0.0", "1.0.1", "1.0.2")
    env_file(lab)
    killed(lab, moment, "rollback")
    assert stamp_on(lab)["version"] == "1.0.1"

    preview = command(lab, "rollback", "--dry-run")
    assert f"{FOUND}{stamp_on(lab)['run']}); would complete that" in " ".join(preview.stdout.split())
    witness = Witness.of(lab)
    done = command(lab, "rollback")
    assert done.returncode == 0, done.stderr
    assert f"{FOUND}{stamp_on(lab)['run']}); this rollback completes it" in " ".join(done.stderr.split())
    assert "TOKEN: ROLLBACK_OK version=1.0.1" in done.stdout
    assert witness.refutes(done.stdout.splitlines()) == []
    assert lab.state()["version"] == "1.0.1"

    further = command(lab, "rollback")
    assert further.returncode == 0, further.stderr
    assert "interrupted" not in further.stderr
    assert lab.state()["version"] == "1.0.0"
    listed = command(lab, "rollback", "--list").stdout
    assert "1.0.1" in listed
    assert "1.0.2" in listed


def test_a_rollback_completes_that_of_a_deploy_that_was_killed(lab: Lab) -> None:
    deploy_all(lab, "1.0.0", "1.0.1")
    env_file(lab)
    lab.write(config=config("1.0.2"), run_sh=DIES)
    killed(lab, (PUT_BACK, "done"), "deploy")
    done = command(lab, "rollback")
    assert done.returncode == 0, done.stderr
    assert FOUND in " ".join(done.stderr.split())
    assert lab.state()["version"] == "1.0.1"


def test_after_a_verify_the_killed_rollback_is_complete(lab: Lab) -> None:
    deploy_all(lab, "1.0.0", "1.0.1", "1.0.2")
    env_file(lab)
    killed(lab, ("watch it for 0.2 s", "done"), "rollback")
    lab.write(config=config("1.0.1"))
    verified = command(lab, "verify")
    assert verified.returncode == 0, verified.stderr
    done = command(lab, "rollback")
    assert done.returncode == 0, done.stderr
    assert "interrupted" not in done.stderr
    assert lab.state()["version"] == "1.0.0"


STAYS = "the files of 1.0.1 stay in the app folder, and the next `rollback` tries them again"


@pytest.mark.parametrize("route", ["ssh", "mount"])
def test_the_next_rollback_completes_one_that_failed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    if route == "mount":
        lab.leave_ssh_for_the_mount()
    deploy_all(lab, "1.0.0", "1.0.1", "1.0.2")
    env_file(lab)
    with monkeypatch.context() as broken:
        break_builds_of(broken, "1.0.1")
        for _ in range(2):
            failed = command(lab, "rollback")
            said = " ".join(failed.stderr.split())
            assert "error BUILD_FAILED" in said
            assert "(1.0.2 is started now)" in said
            assert STAYS in said
            assert "ROLLBACK_OK" not in failed.stdout
            assert (stamp_on(lab)["version"], lab.state()["version"]) == ("1.0.1", "1.0.2")
        assert "1.0.2 runs, but 1.0.1 is on the host" in command(lab, "status").stdout

    assert f"{FOUND}{stamp_on(lab)['run']}); would complete that" in " ".join(
        command(lab, "rollback", "--dry-run").stdout.split()
    )
    witness = Witness.of(lab)
    done = command(lab, "rollback")
    assert done.returncode == 0, done.stderr
    assert "TOKEN: ROLLBACK_OK version=1.0.1" in done.stdout
    assert witness.refutes(done.stdout.splitlines()) == []
    assert lab.state()["version"] == "1.0.1"
    further = command(lab, "rollback")
    assert further.returncode == 0, further.stderr
    assert lab.state()["version"] == "1.0.0"


HERE = ("--target", "kitchen", "--addon", "addon")


def deploy_tagged(lab: Lab, *versions: str) -> None:
    """Does what `deploy_all` does, with a commit and a tag for each version and settings for a target."""
    for version in versions:
        deploy_all(lab, version)
        lab.git("commit", "-a", "-q", "--allow-empty", "-m", version)
        lab.git("tag", version)
    env_file(lab, ".env.kitchen")


def refused(lab: Lab, *words: str) -> tuple[str, str]:
    """Cause and remedy of a `rollback` on the target that fails in its build."""
    failed = command(lab, "rollback", *words, *HERE, "--json")
    error = json.loads(failed.stdout)["error"]
    assert error["code"] == "BUILD_FAILED"
    return error["cause"], error["remedy"]


def test_the_remedy_of_a_rollback_that_failed_leads_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy_tagged(lab, "1.0.0", "1.0.1", "1.0.2")
    break_builds_of(monkeypatch, "1.0.1")
    for _ in range(2):
        cause, remedy = refused(lab)
        assert STAYS in cause
        again, listed, named = re.findall("`bb8deploy ([^`]*)`", remedy)
        assert f"When the cause is fixed, run `bb8deploy {again}` again, or name another version: " in remedy
        words = " ".join(HERE)
        assert (again, listed, named) == (
            f"rollback {words}",
            f"rollback --list {words}",
            f"rollback VERSION {words}",
        )
    shown = command(lab, *shlex.split(listed))
    assert (shown.returncode, "1.0.0" in shown.stdout) == (0, True)
    done = command(lab, *shlex.split(named.replace("VERSION", "1.0.0")))
    assert done.returncode == 0, done.stderr
    assert lab.state()["version"] == "1.0.0"


def test_a_rollback_to_a_version_that_failed_names_its_files_and_how_to_go_on(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy_tagged(lab, "1.0.1", "1.0.2")
    with monkeypatch.context() as broken:
        break_builds_of(broken, "1.0.1")
        for _ in range(2):
            cause, remedy = refused(lab, "1.0.1")
            assert cause.endswith("; the files of 1.0.1 stay in the app folder")
            assert f"run `bb8deploy rollback 1.0.1 {' '.join(HERE)}` again, or name another" in remedy
            assert (stamp_on(lab)["version"], lab.state()["version"]) == ("1.0.1", "1.0.2")
    done = command(lab, "rollback", *HERE)
    assert done.returncode == 0, done.stderr
    assert "this rollback completes it" not in done.stderr
    assert lab.state()["version"] == "1.0.2"


def test_a_rollback_to_an_app_that_dies_names_its_files_and_is_tried_again(lab: Lab) -> None:
    broken = lab.box.root / "data" / SLUG / "broken"
    deploy_all(lab, "1.0.0")
    # Without namespaces the app is a plain process, which has no /data and sees the host's own folder.
    dies = f"""for file in /data/broken '{broken}'; do [ ! -e "$file" ] || exit 3; done\n"""
    lab.write(run_sh=RUN_SH.replace("trap", f"{dies}trap"))
    deploy_all(lab, "1.0.1")
    lab.write(run_sh=RUN_SH)
    deploy_all(lab, "1.0.2")
    env_file(lab)
    broken.touch()
    for _ in range(2):
        failed = command(lab, "rollback")
        assert failed.returncode == 4, failed.stderr
        assert STAYS in " ".join(failed.stderr.split())
        assert (stamp_on(lab)["version"], lab.state()["version"]) == ("1.0.1", "1.0.1")
    lab.write(config=config("1.0.3"))
    assert command(lab, "deploy", "--yes").returncode == 0
    assert lab.state()["version"] == "1.0.3"


def test_a_rollback_completes_that_of_a_deploy_that_failed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy_all(lab, "1.0.0", "1.0.1")
    env_file(lab)
    lab.write(config=config("1.0.2"), run_sh=DIES)
    with monkeypatch.context() as broken:
        break_builds_of(broken, "1.0.1")
        failed = command(lab, "deploy")
    said = " ".join(failed.stderr.split())
    assert "the rollback failed too: " in said
    assert STAYS in said
    done = command(lab, "rollback")
    assert done.returncode == 0, done.stderr
    assert FOUND in " ".join(done.stderr.split())
    assert lab.state()["version"] == "1.0.1"
