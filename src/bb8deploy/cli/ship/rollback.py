"""`bb8deploy rollback`: run the earlier version again, or a tagged one."""

from __future__ import annotations

from typing import Annotated

import typer

from bb8deploy.cli.common import Modes, open_run
from bb8deploy.cli.complete import tags
from bb8deploy.cli.options import AcceptNew, Addon, AsJson, DryRun, LockWait, Quiet, Route, Target, Via
from bb8deploy.cli.show import show_preview


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(rollback)


def rollback(
    version: Annotated[
        str,
        typer.Argument(
            metavar="[VERSION]", help="A tag. Default: the tree before the last deploy.", autocompletion=tags
        ),
    ] = "",
    target: Target = "default",
    via: Via = Route.AUTO,
    dry_run: DryRun = False,
    accept_new: AcceptNew = False,
    lock_wait: LockWait = None,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run an earlier version again and verify it."""
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run, via=via.value, lock_wait=lock_wait)
    with open_run("rollback", modes, target=target, addon=addon, lane="rollback") as opened:
        from bb8deploy.lanes.deploy.rollback import roll_back_host
        from bb8deploy.lanes.session import Access

        outcome = roll_back_host(opened.run, Access(via.value, accept_new), version)
        if dry_run:
            show_preview(opened, outcome.preview)
            return
        opened.result.update(version=outcome.version, tree=outcome.tree, action=outcome.action)
        opened.console.note(f"{outcome.in_words} ({outcome.action})")
