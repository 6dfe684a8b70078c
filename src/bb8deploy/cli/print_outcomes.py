"""What several commands print about an outcome, each also as part of the JSON document."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.cli.open_run import Opened

if TYPE_CHECKING:
    from bb8deploy.lanes.sync.outcome import SyncOutcome
    from bb8deploy.lanes.verify.verify_types import VerifyOutcome


def show_sync(opened: Opened, outcome: SyncOutcome) -> None:
    """What changed on the host, or would change."""
    changes = outcome.plan.changes
    opened.result.update(
        where=outcome.where,
        version=outcome.version,
        tree=outcome.digest,
        previous_tree=outcome.previous_digest,
        stamp_run=outcome.run_id_on_host,
        nothing_to_do=outcome.nothing_to_do,
        added=list(changes.added),
        changed=list(changes.changed),
        removed=[*changes.removed, *outcome.plan.extra],
        modes=list(changes.modes),
        kept=list(outcome.plan.kept),
        diffs=list(outcome.diffs),
    )
    console = opened.console
    if outcome.nothing_to_do:
        console.note(f"{outcome.where} already has {outcome.version} ({outcome.digest}); nothing was sent")
        return
    words = "would change" if opened.run.dry_run else "changed"
    console.note(
        f"{words} on {outcome.where}: {len(changes.added)} added, {len(changes.changed)} changed, "
        f"{len(changes.removed) + len(outcome.plan.extra)} removed, {len(changes.modes)} mode changes"
    )
    if opened.run.dry_run:
        _show_paths(opened, outcome)
    for text in outcome.diffs:
        opened.console.text(text.rstrip("\n"))


def _show_paths(opened: Opened, outcome: SyncOutcome) -> None:
    changes = outcome.plan.changes
    for sign, paths in (
        ("+", changes.added),
        ("~", changes.changed),
        ("-", (*changes.removed, *outcome.plan.extra)),
        ("x", changes.modes),
    ):
        for path in paths:
            opened.console.text(f"{sign} {path}")


def show_verify(opened: Opened, outcome: VerifyOutcome) -> None:
    """One line for people, the outcome for the JSON document."""
    opened.result.update(
        slug=outcome.slug,
        version=outcome.version,
        action=outcome.action,
        route=outcome.route,
        verified=outcome.verified,
        proof=outcome.proof,
        reason=outcome.reason,
        states=list(outcome.states),
        routes=list(outcome.capabilities.describe()),
    )
    done = "up to date" if outcome.action == "none" else f"{outcome.action} by {outcome.route}"
    proof = f" (proof: {outcome.proof})" if outcome.proof else ""
    ending = f"verified{proof}" if outcome.verified else f"not verified{proof}: {outcome.reason}"
    opened.console.note(f"{outcome.slug} {outcome.version}: {done}, {ending}")


def show_preview(opened: Opened, lines: Sequence[str]) -> None:
    """What would be done."""
    opened.result["preview"] = list(lines)
    for line in lines:
        opened.console.text(line)


def show_evidence(opened: Opened, manifest: str) -> None:
    """Where the evidence is and how to check it."""
    opened.result["evidence"] = manifest
    folder = shlex.quote(str(Path(manifest).parent))
    opened.console.note(f"evidence: {manifest} (check it with `bb8deploy verify-evidence {folder}`)")
