"""What a proof cannot detect depends on the host's file times and on what the proof compares."""

from __future__ import annotations

import pytest

from bb8deploy.lanes.verify.proof.undetected_edits import undetected_edits
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.workspace.tree_digest import FoundTree

TIMES = {".": "2 1"}


@pytest.mark.parametrize(
    ("found", "proof", "words"),
    [
        (FoundTree(present=True, stamp="{}", times=TIMES), Proof.SEALED, ""),
        (FoundTree(present=False), Proof.SEALED, ""),
        (FoundTree(present=True, times=TIMES, change_times=False), Proof.SEALED, ""),
        (FoundTree(present=True), Proof.RUNNING, ""),
        (FoundTree(present=True), Proof.SEALED, "no file times, so an undone edit of a generated file "),
        (FoundTree(present=True), Proof.STAMP, "no file times, so an undone edit of a file "),
        (
            FoundTree(present=True, stamp="{}", times=TIMES, change_times=False),
            Proof.SEALED,
            "only modification times, so an edit of a generated file ",
        ),
        (
            FoundTree(present=True, stamp="{}", times=TIMES, change_times=False),
            Proof.STAMP,
            "only modification times, so an edit of a file ",
        ),
    ],
)
def test_what_is_not_detected_is_named(found: FoundTree, proof: Proof, words: str) -> None:
    said = undetected_edits(found, proof)
    assert words in said
    assert bool(said) == bool(words)
