"""`bb8deploy verify`: lane 3, for what is on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bb8deploy.cli.common import Modes, Opened, open_run
from bb8deploy.cli.options import (
    AcceptNew,
    Addon,
    AsJson,
    Backup,
    DryRun,
    NoStart,
    Quiet,
    Route,
    Target,
    Via,
)
from bb8deploy.cli.show import show_preview, show_verify

if TYPE_CHECKING:
    from bb8deploy.host.connect import Host
    from bb8deploy.lanes.verify.verify import VerifyOptions


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(verify)


def verify(
    target: Target = "default",
    via: Via = Route.AUTO,
    no_start: NoStart = False,
    backup: Backup = False,
    dry_run: DryRun = False,
    accept_new: AcceptNew = False,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Install or update the app on the host, then verify the version and digest that it reports."""
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run, via=via.value)
    with open_run("verify", modes, target=target, addon=addon, lane="verify") as opened:
        from bb8deploy.host.connect import open_host
        from bb8deploy.lanes.host_receipt import kept_on_host
        from bb8deploy.lanes.verify.verify import VerifyOptions
        from bb8deploy.lanes.verify.verify import verify as lane

        run = opened.run
        options = VerifyOptions(start=not no_start, backup=backup)
        with open_host(run.settings, run.progress, via=via.value, accept_new=accept_new) as host:
            if dry_run:
                _preview(opened, host, options)
                return
            with host.lock(run), kept_on_host(run, host, "verify"):
                show_verify(opened, lane(run, host, options))


def _preview(opened: Opened, host: Host, options: VerifyOptions) -> None:
    from bb8deploy.lanes.deploy.preview import foresee
    from bb8deploy.lanes.verify.verify import expected_on

    show_preview(opened, foresee(opened.run, host, expected_on(opened.run, host), options))
