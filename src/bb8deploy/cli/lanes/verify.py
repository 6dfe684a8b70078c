"""`bb8deploy verify`: lane 3, for what is on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bb8deploy.cli.host_options import takes_host_options
from bb8deploy.cli.open_run import Opened, open_run
from bb8deploy.cli.print_outcomes import show_preview, show_verify
from bb8deploy.cli.rollouts import RolloutOptions, asked_for, is_rollout, show_rollout
from bb8deploy.cli.shared_options import Backup, NoStart, Targets

if TYPE_CHECKING:
    from bb8deploy.lanes.verify.verify_types import VerifyOptions


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(verify))


def verify(
    host: RolloutOptions, target: Targets = None, no_start: NoStart = False, backup: Backup = False
) -> None:
    """Install or update the app on the host, then verify the version and digest that it reports.

    With a group or several --target options, all hosts are verified in waves.
    """
    modes = host.modes(own={"--no-start": no_start, "--backup": backup})
    with open_run("verify", modes, target=asked_for(target), addon=host.addon, lane="verify") as opened:
        from bb8deploy.lanes.deploy.dry_run import foresee_verify
        from bb8deploy.lanes.verify.verify import verify_host
        from bb8deploy.lanes.verify.verify_types import VerifyOptions

        options = VerifyOptions(start=not no_start, backup=backup)
        if is_rollout(opened):
            _several(opened, host, options)
        elif host.dry_run:
            show_preview(opened, foresee_verify(opened.run, host.access, options))
        else:
            show_verify(opened, verify_host(opened.run, host.access, options))


def _several(opened: Opened, host: RolloutOptions, options: VerifyOptions) -> None:
    from bb8deploy.lanes.rollout.host_commands import verifying

    with verifying(opened.run, host.access, options) as command:
        show_rollout(opened, host, command)
