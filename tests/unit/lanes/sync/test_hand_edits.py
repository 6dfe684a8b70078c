"""Hand edits on the host: which paths the error lists for a delivery with generated files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.manifests import with_entry

from bb8deploy.lanes.sync.hand_edits import edit_lines
from bb8deploy.lanes.sync.plan_from_workspace import PlannedSync, Wanted, plan_delivery, read_source
from bb8deploy.overlay.delivery import deliver
from bb8deploy.overlay.delivery_draft import Purpose
from bb8deploy.overlay.proof_level import ProofLevel
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree, bytes_entry

FILES = {
    "config.yaml": 'name: Lamp\nversion: "1.0.0"\nslug: lamp\ndescription: x\narch: [amd64]\n',
    "Dockerfile": 'FROM alpine:3.22\nCOPY run.sh /run.sh\nCMD ["/run.sh"]\n',
    "run.sh": "#!/bin/sh\nexec sleep 9\n",
}
EDITED = bytes_entry("run.sh", b"#!/bin/sh\nexec false\n")
GENERATED = bytes_entry("Dockerfile.amd64", b"FROM scratch\n")
PURPOSE = Purpose(proof=Proof.SEALED)


def wanted(folder: Path, run: str) -> Wanted:
    """The sealed app in `folder`, as a run wants it on the host."""
    ignore = Ignore.parse("")
    app = read_source(folder, ignore)
    stamp = Stamp(app.version, app.tree.digest, "c", run)
    level = ProofLevel(Proof.SEALED, "the test asks for it", app.names_stamp)
    return Wanted(folder, app, ignore, stamp, PURPOSE, level)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def host(workspace: Path) -> FoundTree:
    """What a first run has sent."""
    first = wanted(workspace, "run-1")
    sent = deliver(first.app, first.stamp, first.purpose)
    assert {"Dockerfile.amd64", "Dockerfile.amd64.dockerignore"} <= sent.made.keys()
    return FoundTree(True, sent.manifest, tuple(sent.manifest.folders()), stamp=sent.stamp.data().decode())


def planned(workspace: Path, host: FoundTree) -> PlannedSync:
    """The plan of a second run."""
    return plan_delivery(host, wanted(workspace, "run-2"))


def test_of_an_unchanged_workspace_only_the_edited_files_are_listed(workspace: Path, host: FoundTree) -> None:
    plan = planned(workspace, replace(host, manifest=with_entry(host.manifest, EDITED))).plan
    assert {"Dockerfile.amd64", "run.sh"} <= {*plan.changes.paths}
    assert edit_lines(plan) == ("edited on the host:", "run.sh")


def test_an_edited_generated_file_is_listed_too(workspace: Path, host: FoundTree) -> None:
    plan = planned(workspace, replace(host, manifest=with_entry(host.manifest, GENERATED))).plan
    assert edit_lines(plan) == ("edited on the host:", "Dockerfile.amd64")


def test_if_the_workspace_has_changed_too_generated_files_are_named_as_such(
    workspace: Path, host: FoundTree
) -> None:
    (workspace / "new.txt").write_text("new\n")
    lines = edit_lines(planned(workspace, replace(host, manifest=with_entry(host.manifest, EDITED))).plan)
    assert lines[0] == "what differs from here, the edited files among it:"
    assert "Dockerfile.amd64 (generated)" in lines
    assert {"new.txt", "run.sh"} <= {*lines}


def test_generated_files_are_not_counted_among_those_that_differ(workspace: Path, host: FoundTree) -> None:
    assert planned(workspace, host).plan.differing == ()
    (workspace / "new.txt").write_text("new\n")
    plan = planned(workspace, host).plan
    assert "Dockerfile.amd64" in plan.changes.paths
    assert plan.differing == ("new.txt",)


def test_edits_of_what_was_sent_are_counted(workspace: Path, host: FoundTree) -> None:
    for edited in (EDITED, GENERATED):
        plan = planned(workspace, replace(host, manifest=with_entry(host.manifest, edited))).plan
        assert plan.differing == (edited.path,)
