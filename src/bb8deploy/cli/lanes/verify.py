"""`bb8deploy verify`: lane 3, for what is on the host."""

from __future__ import annotations

import typer

from bb8deploy.cli.host_options import ProofOptions, takes_host_options
from bb8deploy.cli.open_run import open_run
from bb8deploy.cli.print_outcomes import show_preview, show_verify
from bb8deploy.cli.shared_options import Backup, NoStart, Target


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(verify))


def verify(
    host: ProofOptions, target: Target = "default", no_start: NoStart = False, backup: Backup = False
) -> None:
    """Install or update the app on the host, then verify the version and digest that it reports."""
    with open_run("verify", host.modes(), target=target, addon=host.addon, lane="verify") as opened:
        from bb8deploy.lanes.deploy.dry_run import foresee_verify
        from bb8deploy.lanes.verify.verify import verify_host
        from bb8deploy.lanes.verify.verify_types import VerifyOptions

        options = VerifyOptions(start=not no_start, backup=backup)
        if host.dry_run:
            show_preview(opened, foresee_verify(opened.run, host.access, options))
        else:
            show_verify(opened, verify_host(opened.run, host.access, options))
