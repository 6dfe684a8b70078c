"""An edit of the app folder between sync and build, undone before the last look, is never proven."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab
from tests.integration.small_addon import SILENT
from tests.integration.witness import runtime

from bb8deploy.base.errors import NotVerified
from bb8deploy.host.files import mount_tree
from bb8deploy.lanes.deploy.deploy import deploy
from ha_sandbox.runtime.process_runtime import ProcessRuntime
from ha_sandbox.runtime.runtime_interface import BuildRequest

pytestmark = pytest.mark.e2e

SEALED = """FROM ghcr.io/home-assistant/base:3.23
COPY run.sh /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""
ROUTES = ["ssh", "mount"]
EDITS = {
    "Dockerfile.amd64": "ENV EDITED=yes\n",
    "Dockerfile.amd64.dockerignore": "nothing\n",
    "build_stamp.json": " ",
}


def over(lab: Lab, route: str) -> None:
    """Lets the deploys of the lab take this route to the app folder."""
    if route == "mount":
        lab.leave_ssh_for_the_mount()


def edit_while_building(monkeypatch: pytest.MonkeyPatch, path: Path, more: bytes) -> None:
    """Edits a file before the build, and takes that back after it, the time of writing included."""
    real = ProcessRuntime.build

    def edited(runtime: ProcessRuntime, request: BuildRequest) -> str:
        sent, info = path.read_bytes(), path.stat()
        path.write_bytes(sent + more)
        try:
            return real(runtime, request)
        finally:
            path.write_bytes(sent)
            os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    monkeypatch.setattr(ProcessRuntime, "build", edited)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", EDITS)
def test_a_generated_file_that_was_edited_and_is_as_before_is_never_proven(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, route: str, name: str
) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    over(lab, route)
    edit_while_building(monkeypatch, runtime(lab) / name, EDITS[name].encode())
    with pytest.raises(NotVerified) as caught:
        lab.deploy(BB8_VERIFY="sealed")
    assert caught.value.code == "HOST_CHANGED"
    assert caught.value.details == (name,)
    assert "VERIFY_OK" not in lab.tokens


@pytest.mark.parametrize("route", ROUTES)
def test_an_app_that_reports_its_stamp_is_not_proven_either(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    over(lab, route)
    edit_while_building(monkeypatch, runtime(lab) / "run.sh", b"# edited\n")
    with pytest.raises(NotVerified) as caught:
        lab.deploy(BB8_VERIFY="stamp")
    assert caught.value.code == "HOST_CHANGED"
    assert caught.value.details == ("run.sh",)
    assert "VERIFY_OK" not in lab.tokens


def test_an_image_that_was_built_from_an_edit_is_built_again_by_the_next_deploy(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    with monkeypatch.context() as disturbed:
        edit_while_building(disturbed, runtime(lab) / "run.sh", b"# edited\n")
        with pytest.raises(NotVerified) as caught:
            lab.deploy(BB8_VERIFY="sealed")
    assert caught.value.code == "SEAL_DIFFERS"
    outcome = lab.deploy(BB8_VERIFY="sealed")
    assert outcome.verified
    assert (outcome.verified.action, "VERIFY_OK" in lab.tokens) == ("rebuild", True)


@pytest.mark.parametrize("route", ROUTES)
def test_deploys_that_nothing_disturbs_are_proven(lab: Lab, route: str) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    over(lab, route)
    for text in ("", "# changed\n", ""):
        lab.write(run_sh=SILENT + text)
        lab.deploy()
        assert "VERIFY_OK" in lab.tokens


def test_a_share_without_change_times_is_named_before_the_build_and_in_the_contract(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    over(lab, "mount")
    lab.deploy()
    assert not [line for line in lab.watcher.lines if line.startswith("warning: the share")]
    assert contract(lab)["undetected_edits"] == ""
    monkeypatch.setattr(mount_tree, "HAS_CHANGE_TIMES", False)
    told = (
        "warning: the share shows only modification times, so an edit of a generated file during the build "
    )
    previewed = deploy(lab.run(dry_run=True)).preview
    assert [line.startswith(told) for line in previewed].count(True) == 1
    lab.write(run_sh=f"{SILENT}# changed\n")
    lab.deploy()
    assert [line.startswith(told) for line in lab.watcher.lines].count(True) == 1
    assert f"warning: {contract(lab)['undetected_edits']}".startswith(told)


def contract(lab: Lab) -> dict[str, object]:
    """The verify contract of the newest run."""
    path = lab.folder / "reports/runs" / lab.runs[-1].id / "verify_contract_v1.json"
    found = json.loads(path.read_text())
    assert isinstance(found, dict)
    return found
