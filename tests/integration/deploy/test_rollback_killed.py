"""A rollback that is killed after its swap: the next one completes it, and goes no further back."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.integration.deploy.test_choice_of_the_earlier_tree import next_second
from tests.integration.deploy.test_what_a_rollback_trusts import break_builds_of
from tests.integration.deploylab import DEADLINE, Lab, command, config, env_file, environment
from tests.integration.release import driver
from tests.integration.small_addon import DIES
from tests.integration.witness import Witness, stamp_on

from bb8deploy.runs.journal import PUT_BACK

FOUND = "a run that was interrupted had put an earlier tree back (1.0.1 of run "
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


def test_after_a_rollback_that_failed_the_next_one_goes_further_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy_all(lab, "1.0.0", "1.0.1", "1.0.2")
    env_file(lab)
    break_builds_of(monkeypatch, "1.0.1")
    failed = command(lab, "rollback")
    assert "error BUILD_FAILED" in failed.stderr
    done = command(lab, "rollback")
    assert done.returncode == 0, done.stderr
    assert "interrupted" not in done.stderr
    assert lab.state()["version"] == "1.0.0"
