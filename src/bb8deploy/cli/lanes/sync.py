"""`bb8deploy sync`: lane 2 alone."""

from __future__ import annotations

import typer

from bb8deploy.cli.host_options import ProofOptions, takes_host_options
from bb8deploy.cli.open_run import open_run
from bb8deploy.cli.print_outcomes import show_sync
from bb8deploy.cli.shared_options import Diff, Target, ViaChoice


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(sync))


def sync(host: ProofOptions, target: Target = "default", diff: Diff = False) -> None:
    """Copy the app to the host in one step, and hash it again there."""
    with open_run("sync", host.modes(), target=target, addon=host.addon, lane="sync") as opened:
        from bb8deploy.lanes.sync.sync import sync_host

        by_rsync = host.via is ViaChoice.RSYNC
        show_sync(opened, sync_host(opened.run, host.access, by_rsync=by_rsync, with_diff=diff))
