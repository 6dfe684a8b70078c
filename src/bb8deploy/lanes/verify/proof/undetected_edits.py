"""Finds which undone edits of the app folder a proof cannot detect, by the file times that the host shows."""

from __future__ import annotations

from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.workspace.tree_digest import FoundTree


def undetected_edits(found: FoundTree, proof: Proof) -> str:
    """One sentence without a full stop; empty if the times show every edit, or nothing is known of them.

    The seal sees the files that the builder was given, whatever the times are, but not those that bb8deploy
    generates. A proof by the stamp depends on the times alone.
    """
    if not found.present or proof is Proof.RUNNING:
        return ""
    what = "a generated file" if proof is Proof.SEALED else "a file"
    if not found.times:
        return f"the host shows no file times, so an undone edit of {what} during the build is not detected"
    if found.change_times or not found.stamp:
        return ""
    return (
        f"the share shows only modification times, so an edit of {what} during the build is not detected if "
        "it is undone together with that time"
    )
