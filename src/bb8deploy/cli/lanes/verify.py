"""`bb8deploy verify`: lane 3 alone, for what lies on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.common import Modes, Opened, open_run
from bb8deploy.cli.lanes.sync import AcceptNew, Route, Via
from bb8deploy.cli.options import Addon, AsJson, DryRun, Quiet, Target

if TYPE_CHECKING:
    from bb8deploy.host.connect import Host
    from bb8deploy.lanes.verify.verify import VerifyOptions, VerifyOutcome

NoStart = Annotated[bool, typer.Option("--no-start", help="Leave an add-on stopped that does not run.")]
Backup = Annotated[bool, typer.Option("--backup", help="Have the Supervisor back it up before an update.")]


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
    """Have the host run what lies there, and believe it when the running add-on says so itself."""
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run)
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
                show(opened, lane(run, host, options))


def _preview(opened: Opened, host: Host, options: VerifyOptions) -> None:
    from bb8deploy.lanes.deploy.preview import foresee
    from bb8deploy.lanes.verify.verify import expected_on

    show_preview(opened, foresee(opened.run, host, expected_on(opened.run, host), options))


def show_preview(opened: Opened, lines: Sequence[str]) -> None:
    """What would be done, for people and for the JSON document."""
    opened.result["preview"] = list(lines)
    for line in lines:
        opened.console.text(line)


def show(opened: Opened, outcome: VerifyOutcome) -> None:
    """One line for people, the outcome for the JSON document."""
    opened.result.update(
        slug=outcome.slug,
        version=outcome.version,
        action=outcome.action,
        route=outcome.route,
        verified=outcome.verified,
        reason=outcome.reason,
        states=list(outcome.states),
        routes=list(outcome.capabilities.describe()),
    )
    ending = "verified" if outcome.verified else f"not verified: {outcome.reason}"
    opened.console.note(f"{outcome.slug} {outcome.version}: {outcome.action} by {outcome.route}, {ending}")
