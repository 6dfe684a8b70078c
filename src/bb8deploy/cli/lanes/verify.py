"""`bb8deploy verify`: lane 3, for what is on the host."""

from __future__ import annotations

import typer

from bb8deploy.cli.open_run import Modes, open_run
from bb8deploy.cli.print_outcomes import show_preview, show_verify
from bb8deploy.cli.shared_options import (
    AcceptNew,
    Addon,
    As,
    AsJson,
    Backup,
    DryRun,
    LockWait,
    NoStart,
    Quiet,
    Target,
    Verify,
    Via,
    ViaChoice,
)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(verify)


def verify(
    target: Target = "default",
    via: Via = ViaChoice.AUTO,
    no_start: NoStart = False,
    backup: Backup = False,
    dry_run: DryRun = False,
    accept_new: AcceptNew = False,
    lock_wait: LockWait = None,
    verify_level: Verify = None,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Install or update the app on the host, then verify the version and digest that it reports."""
    modes = Modes(
        as_json=json_output,
        quiet=quiet,
        dry_run=dry_run,
        via=via.value,
        lock_wait=lock_wait,
        as_name=as_name,
        verify=verify_level,
    )
    with open_run("verify", modes, target=target, addon=addon, lane="verify") as opened:
        from bb8deploy.lanes.deploy.dry_run import foresee_verify
        from bb8deploy.lanes.host_session import Access
        from bb8deploy.lanes.verify.verify import verify_host
        from bb8deploy.lanes.verify.verify_types import VerifyOptions

        access, options = Access(via.value, accept_new), VerifyOptions(start=not no_start, backup=backup)
        if dry_run:
            show_preview(opened, foresee_verify(opened.run, access, options))
        else:
            show_verify(opened, verify_host(opened.run, access, options))
