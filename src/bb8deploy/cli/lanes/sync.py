"""`bb8deploy sync`: lane 2 alone."""

from __future__ import annotations

from typing import Any

import typer

from bb8deploy.cli.common import Modes, Opened, open_run
from bb8deploy.cli.options import AcceptNew, Addon, AsJson, Diff, DryRun, Quiet, Route, Target, Via
from bb8deploy.cli.show import show_sync

HOST_RECEIPT = "deploy_receipt.txt"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(sync)


def sync(
    target: Target = "default",
    via: Via = Route.AUTO,
    dry_run: DryRun = False,
    diff: Diff = False,
    accept_new: AcceptNew = False,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Copy the app to the host in one step, and hash it again there."""
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run, via=via.value)
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
    """Appends the run's lines to the receipt on the host, or says that this is not possible."""
    if not append(opened.run.ledger.texts(HOST_RECEIPT)):
        opened.console.note("SKIPPED: receipt on the host reason=no way to its reports folder")
