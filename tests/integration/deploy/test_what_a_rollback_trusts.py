"""A rollback trusts the app's own report only if the tree was built as it was sent; a dry run says so."""

from __future__ import annotations

import time

import pytest
from tests.integration.deploy.test_edits_before_a_resume import SEALED, stop_after_the_sync
from tests.integration.deploylab import SLUG, Lab, config
from tests.integration.small_addon import SILENT
from tests.integration.witness import runtime

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.deploy.deploy import DeployOptions
from bb8deploy.lanes.deploy.rollback import roll_back_host
from bb8deploy.runs.run import new_run_id
from ha_sandbox.runtime.process_runtime import ProcessRuntime
from ha_sandbox.runtime.runtime_interface import BuildFailed, BuildRequest

pytestmark = pytest.mark.e2e

AGAIN = r"1\.0\.0 runs again, verified \(proof: sealed\)"


def build_from_an_edit(lab: Lab) -> None:
    """Somebody edits the Dockerfile of what runs, rebuilds the app, and takes the edit back."""
    path = runtime(lab) / "Dockerfile.amd64"
    sent = path.read_bytes()
    path.write_bytes(sent + b"ENV EDITED=yes\n")
    lab.box.call("POST", f"/addons/{SLUG}/rebuild")
    path.write_bytes(sent)


def break_builds_of(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    real = ProcessRuntime.build

    def build(self: ProcessRuntime, request: BuildRequest) -> str:
        if f'"{version}"' in (request.context / "config.yaml").read_text():
            raise BuildFailed("ERROR: it does not build")
        return real(self, request)

    monkeypatch.setattr(ProcessRuntime, "build", build)


@pytest.fixture
def running(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """1.0.0 runs, and 1.0.1 does not build, which leaves 1.0.0 in place."""
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    lab.deploy()
    break_builds_of(monkeypatch, "1.0.1")
    return lab


@pytest.mark.parametrize("resumed", [False, True], ids=["at once", "resumed"])
@pytest.mark.parametrize("edited", [False, True], ids=["as sent", "edited"])
def test_what_runs_after_a_failed_build_is_proven_only_if_it_was_built_as_it_was_sent(
    running: Lab, edited: bool, resumed: bool
) -> None:
    if edited:
        build_from_an_edit(running)
    running.write(config=config("1.0.1"))
    if resumed:
        stop_after_the_sync(running)
    with pytest.raises(Bb8Error, match="the app was not touched" if edited else AGAIN) as caught:
        running.deploy(DeployOptions(resume=resumed))
    assert caught.value.code == "BUILD_FAILED"
    assert ("ROLLBACK_OK" in running.tokens) == (not edited)
    assert (running.state()["version"], running.state()["state"]) == ("1.0.0", "started")


@pytest.mark.parametrize("edited", [False, True])
def test_a_dry_run_to_a_version_that_is_in_place_foresees_what_the_real_run_does(
    lab: Lab, edited: bool
) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    lab.git("add", "-A")
    lab.git("commit", "-q", "-m", "Seal")
    lab.git("tag", "-a", "-m", "First", "1.0.0")
    lab.deploy()
    if edited:
        build_from_an_edit(lab)
    preview = "\n".join(roll_back_host(lab.run(dry_run=True), version="1.0.0").preview)
    action = roll_back_host(lab.run(), version="1.0.0").action
    assert action == ("rebuild" if edited else "none")
    assert f"would {action} {SLUG}" in preview or f"would do nothing to {SLUG}" in preview
    assert ("may have changed since it was sent" in preview) == edited


def test_a_dry_run_to_the_earlier_tree_names_the_proof_that_the_real_run_reaches(lab: Lab) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    first = lab.deploy().synced.run_id_on_host
    while new_run_id().partition("-")[0] == first.partition("-")[0]:  # run ids name the second
        time.sleep(0.05)
    lab.write(config=config("1.0.1"))
    lab.deploy()
    preview = roll_back_host(lab.run(dry_run=True)).preview
    assert [line for line in preview if line.startswith("proof: ")] == [
        "proof: sealed; the builder compares every file that it is given with what was sent"
    ]
    assert not [line for line in preview if "no file times" in line]
    back = roll_back_host(lab.run())
    assert (back.version, back.proof) == ("1.0.0", "sealed")
