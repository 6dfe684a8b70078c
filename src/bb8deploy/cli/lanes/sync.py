"""`bb8deploy sync`: lane 2 alone."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bb8deploy.cli.common import Modes, Opened, open_run
from bb8deploy.cli.options import Addon, AsJson, DryRun, Quiet, Target

if TYPE_CHECKING:
    from bb8deploy.lanes.sync.sync import SyncOutcome

HOST_RECEIPT = "deploy_receipt.txt"


class Route(StrEnum):
    """How the runtime folder is reached."""

    AUTO = "auto"
    SSH = "ssh"
    MOUNT = "mount"
    RSYNC = "rsync"


Via = Annotated[
    Route, typer.Option("--via", help="ssh, a mounted share, or the real rsync; auto takes what is set.")
]
AcceptNew = Annotated[
    bool, typer.Option("--accept-new", help="Keep the key of a host that is not known yet.")
]
Diff = Annotated[bool, typer.Option("--diff", help="Show unified diffs of text files.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(sync)


def sync(
    target: Target = "default",
    via: Via = Route.AUTO,
    dry_run: DryRun = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="With --dry-run: unified diffs of text files.")
    ] = False,
    accept_new: AcceptNew = False,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Copy the add-on to the host as one step, and hash it again there."""
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run)
    with open_run("sync", modes, target=target, addon=addon, lane="sync") as opened:
        from bb8deploy.host.connect import open_host
        from bb8deploy.lanes.sync.sync import sync as lane

        run = opened.run
        with open_host(run.settings, run.progress, via=via.value, accept_new=accept_new) as host:
            outcome = lane(run, host, by_rsync=via is Route.RSYNC, with_diff=diff)
            if not dry_run:
                _receipt(opened, host.append_receipt)
        show_sync(opened, outcome)


def _receipt(opened: Opened, append: Any) -> None:
    """Appends the run's lines to the host's receipt, and says where that is not possible."""
    if not append(opened.run.ledger.texts(HOST_RECEIPT)):
        opened.console.note("SKIPPED: receipt on the host reason=no way to its reports folder")


def show_sync(opened: Opened, outcome: SyncOutcome) -> None:
    """What changed or would change, for people and for the JSON document."""
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
        console.note(f"{outcome.where} already holds {outcome.version} ({outcome.digest}); nothing was sent")
        return
    words = "would change" if opened.run.dry_run else "changed"
    console.note(
        f"{words} on {outcome.where}: {len(changes.added)} added, {len(changes.changed)} changed, "
        f"{len(changes.removed) + len(outcome.plan.extra)} removed, {len(changes.modes)} run bits"
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
