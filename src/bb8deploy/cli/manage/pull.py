"""`bb8deploy pull`: brings edits that were made on the host into the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.shared_options import AcceptNew, Addon, As, AsJson, DryRun, Target, Via, ViaChoice

if TYPE_CHECKING:
    from bb8deploy.lanes.pull.pull import PullOutcome


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(pull)


def pull(
    target: Target = "default",
    via: Via = ViaChoice.AUTO,
    dry_run: DryRun = False,
    accept_new: AcceptNew = False,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
) -> None:
    """Bring edits that were made in the app folder on the host into the workspace.

    Each edited file is merged three ways: as it was sent, as it is on the host, as it is here. Uncommitted
    work is never overwritten, and nothing is written if a file conflicts. Nothing is changed on the host.
    """
    modes = Modes(as_json=json_output, dry_run=dry_run, via=via.value, as_name=as_name)
    with open_run("pull", modes, target=target, addon=addon) as opened:
        from bb8deploy.lanes.host_session import Access
        from bb8deploy.lanes.pull.pull import pull as lane

        _show(opened, lane(opened.run, Access(via.value, accept_new)))


def _show(opened: Opened, outcome: PullOutcome) -> None:
    console = opened.console
    opened.result.update(
        where=outcome.where,
        edited=list(outcome.edited),
        changed=list(outcome.changed),
        left=list(outcome.left),
        patch=str(outcome.patch),
    )
    for path in outcome.left:
        console.warn(f"{path} is a generated file; its edit on the host stays there")
    if not outcome.edited:
        console.text(f"{outcome.where} has no edits")
        return
    if opened.run.dry_run:
        console.text(outcome.patch.read_text(encoding="utf-8").rstrip("\n"))
    words = "would change" if opened.run.dry_run else "changed"
    for path in outcome.changed:
        console.text(f"{words}: {path}")
    if not outcome.changed:
        console.text("the workspace has all edits already")
    elif not opened.run.dry_run:
        console.note("review and commit the changes, then run `bb8deploy deploy --yes`")
