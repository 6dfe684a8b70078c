"""`bb8deploy sync`: lane 2 alone."""

from __future__ import annotations

import typer

from bb8deploy.cli.open_run import Modes, open_run
from bb8deploy.cli.print_outcomes import show_sync
from bb8deploy.cli.shared_options import (
    AcceptNew,
    Addon,
    As,
    AsJson,
    Diff,
    DryRun,
    LockWait,
    Quiet,
    Target,
    Verify,
    Via,
    ViaChoice,
)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(sync)


def sync(
    target: Target = "default",
    via: Via = ViaChoice.AUTO,
    dry_run: DryRun = False,
    diff: Diff = False,
    accept_new: AcceptNew = False,
    lock_wait: LockWait = None,
    verify_level: Verify = None,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Copy the app to the host in one step, and hash it again there."""
    modes = Modes(
        as_json=json_output,
        quiet=quiet,
        dry_run=dry_run,
        via=via.value,
        lock_wait=lock_wait,
        as_name=as_name,
        verify=verify_level,
    )
    with open_run("sync", modes, target=target, addon=addon, lane="sync") as opened:
        from bb8deploy.lanes.host_session import Access
        from bb8deploy.lanes.sync.sync import sync_host

        access = Access(via.value, accept_new)
        show_sync(opened, sync_host(opened.run, access, by_rsync=via is ViaChoice.RSYNC, with_diff=diff))
