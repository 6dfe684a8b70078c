"""A release that is killed with SIGKILL at any step ends, resumed, as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.deploylab import DEADLINE, command, environment
from tests.integration.release.site import Site, open_site
from tests.integration.small_addon import DIES, RUN_SH

pytestmark = pytest.mark.e2e

DRIVER = Path(__file__).with_name("driver.py")
# One moment of every lane, and both sides of what cannot be taken back.
MOMENTS = [
    ("check the app", "started"),
    ("bump", "started"),
    ("send and swap", "done"),
    ("reload the store", "started"),
    ("release: deploy", "done"),
    ("publish: push", "done"),
    ("tag", "started"),
    ("release: tag", "done"),
]
TOKENS = [
    "STRUCTURE_OK", "DEV_LOCAL_BUILD_FORCED", "MANIFEST_OK", "BUMP_OK", "SSH_HA_OK", "CLEAN_RUNTIME_OK",
    "RUN_SH_PRESENT", "PY_OK", "VERIFY_OK", "RUNTIME_TOPOLOGY_OK", "DEPLOY_SSH_OK",
    "SUBTREE_PUBLISH_OK", "TAG_OK",
]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host for all: each test finds the version before its own released."""
    with open_site(tmp_path_factory.mktemp("killed")) as made:
        made.settings(BB8_SETTLE_SECONDS="0.2")
        first = command(made.lab, "release", "patch")
        assert first.returncode == 0, first.stderr
        yield made


def stopped_at(site: Site, name: str, step: str, state: str) -> subprocess.CompletedProcess[str]:
    """Releases a patch in a process that gets a signal as soon as the journal has the step."""
    words = [sys.executable, str(DRIVER), name, step, state, "release", "patch"]
    return subprocess.run(
        words, cwd=site.lab.folder, env=environment(), capture_output=True, text=True, timeout=DEADLINE
    )


def change(site: Site) -> str:
    """Commits a change of the app; gives the version that a patch will make of it."""
    major, minor, patch = site.version.split(".")
    version = f"{major}.{minor}.{int(patch) + 1}"
    site.commit("Change", run_sh=f"{RUN_SH}# {version}\n")
    return version


@pytest.mark.parametrize(("step", "state"), MOMENTS)
def test_a_killed_release_is_completed_by_resume(site: Site, step: str, state: str) -> None:
    version, known = change(site), set((site.reports / "runs").iterdir())
    killed = stopped_at(site, "SIGKILL", step, state)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    for lock in (site.lab.folder / ".git").rglob("*.lock"):
        lock.unlink()  # what the message of GIT_LOCKED asks of the user after such a kill
    resumed = command(site.lab, "release", "--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    site.assert_released(version)
    (folder,) = set((site.reports / "runs").iterdir()) - known
    contract = site.contract()
    assert (contract["run_id"], contract["verdict"]) == (folder.name, "PASS")
    # Whatever the host had finished before the kill is not done again, so DEPLOY_OK may be SKIPPED.
    assert set(TOKENS) <= set(contract["tokens"]) <= {*TOKENS, "DEPLOY_OK"}
    assert len(set(contract["tokens"])) == len(contract["tokens"])


def test_an_interrupted_release_reports_how_to_go_on(site: Site) -> None:
    version = change(site)
    done = stopped_at(site, "SIGINT", "reload the store", "started")
    assert done.returncode == 130, done.stdout + done.stderr
    assert "release --resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert "VERIFY_OK" not in done.stdout
    resumed = command(site.lab, "release", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    site.assert_released(version)


def test_a_resume_that_fails_still_takes_the_host_back(site: Site) -> None:
    earlier, version = site.lab.state()["version"], change(site)
    site.commit("Die", run_sh=DIES)
    stopped_at(site, "SIGKILL", "send and swap", "done")
    failed = command(site.lab, "release", "--resume")
    assert failed.returncode == 4, failed.stdout + failed.stderr
    assert f"rolled back: {earlier} runs again" in failed.stderr
    assert (site.lab.state()["version"], site.lab.state()["state"]) == (earlier, "started")
    site.commit("Repair", run_sh=f"{RUN_SH}# {version} repaired\n")
    repaired = command(site.lab, "release", "--resume")
    assert repaired.returncode == 0, repaired.stderr
    site.assert_released(version)
