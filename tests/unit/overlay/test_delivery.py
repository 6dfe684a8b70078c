"""A delivery: the workspace's tree, generated files, and the digests that name both."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.manifests import with_entry

from bb8deploy.overlay import delivery as module
from bb8deploy.overlay.app_texts import AppSource, is_text
from bb8deploy.overlay.delivery import deliver
from bb8deploy.overlay.delivery_draft import Draft
from bb8deploy.plan.sync_plan import Stamp, plan_sync
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP, FoundTree, Manifest, bytes_entry

FILES = {"config.yaml": b"name: A\n", "run.sh": b"#!/bin/sh\n"}
TREE = Manifest.of(bytes_entry(path, data) for path, data in FILES.items())
APP = AppSource("1.0", "a", TREE, {"config.yaml": FILES["config.yaml"]})
STAMPED = Stamp("1.0", TREE.digest, "abc", "run-1")


def _renamed(draft: Draft) -> Draft:
    text = draft.text("config.yaml") or b""
    return draft.put("config.yaml", text.replace(b"A", b"B")).put("bin/agent", b"x", executable=True)


@pytest.fixture
def overlaid(monkeypatch: pytest.MonkeyPatch) -> None:
    """One overlay that changes a file of the workspace and adds one."""
    monkeypatch.setattr(module, "OVERLAYS", (_renamed,))


def test_the_stamp_is_always_generated_and_names_the_delivery() -> None:
    made = deliver(APP, STAMPED)
    assert made.contents == {STAMP: made.stamp.data()}
    assert made.stamp == replace(STAMPED, delivery=TREE.digest, proof="stamp")
    assert made.manifest == TREE


@pytest.mark.usefixtures("overlaid")
def test_a_generated_file_takes_the_place_of_the_workspace_s_and_leaves_the_tree_digest_alone() -> None:
    made = deliver(APP, STAMPED)
    assert made.tree is TREE
    assert made.stamp.tree == TREE.digest
    assert made.contents["config.yaml"] == b"name: B\n"
    assert sorted(made.manifest.by_path) == ["bin/agent", "config.yaml", "run.sh"]
    assert made.manifest.by_path["bin/agent"].executable
    assert made.digest == made.stamp.delivery != TREE.digest


@pytest.mark.usefixtures("overlaid")
def test_an_edit_of_a_generated_file_on_the_host_shows() -> None:
    made = deliver(APP, STAMPED)
    text = made.stamp.data().decode()

    def found_as_sent(manifest: Manifest) -> bool:
        found = FoundTree(True, manifest, folders=("bin",), stamp=text)
        return plan_sync(found, made.manifest, Ignore.parse(""), made.stamp).found_as(made.stamp)

    assert found_as_sent(made.manifest)
    assert not found_as_sent(with_entry(made.manifest, bytes_entry("bin/agent", b"y")))


def test_a_stamp_of_an_earlier_version_means_its_tree() -> None:
    old = Stamp.parse('{"version": "1.0", "tree": "sha256:1", "commit": "c", "run": "r"}')
    assert old is not None
    assert (old.sent, old.proof) == ("sha256:1", "")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("config.yaml", True),
        ("Dockerfile.aarch64", True),
        (".dockerignore", True),
        ("Dockerfile.dockerignore", True),
        ("sub/Dockerfile", False),
        ("run.sh", False),
    ],
)
def test_only_what_overlays_are_made_from_is_read_as_text(path: str, expected: bool) -> None:
    assert is_text(path) is expected
