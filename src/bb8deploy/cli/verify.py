"""`bb8deploy verify`: lane 3 alone, for what lies on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.common import Modes, Opened, open_run
from bb8deploy.cli.options import Addon, AsJson, Quiet, Target
from bb8deploy.cli.sync import AcceptNew, Route, Via
from bb8deploy.errors import Bb8Error

if TYPE_CHECKING:
    from bb8deploy.host.connect import Host
    from bb8deploy.lanes.verify import VerifyOutcome

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
    accept_new: AcceptNew = False,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Have the host run what lies there, and believe it when the running add-on says so itself."""
    modes = Modes(as_json=json_output, quiet=quiet)
    with open_run("verify", modes, target=target, addon=addon, lane="verify") as opened:
        from bb8deploy.host.connect import open_host
        from bb8deploy.lanes.verify import VerifyOptions
        from bb8deploy.lanes.verify import verify as lane

        run = opened.run
        options = VerifyOptions(start=not no_start, backup=backup)
        with (
            open_host(run.settings, run.progress, via=via.value, accept_new=accept_new) as host,
            host.lock(run),
        ):
            try:
                show(opened, lane(run, host, options))
            finally:
                keep_receipt(opened, host)


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


def keep_receipt(opened: Opened, host: Host) -> None:
    """Appends the run's lines to the host's receipt, and says where that is not possible."""
    from bb8deploy.receipts.tokens import DEPLOY

    try:
        kept = host.append_receipt(opened.run.ledger.texts(DEPLOY))
    except Bb8Error as error:
        opened.console.warn(f"the receipt on the host was not written: {error.cause}")
        return
    if not kept:
        opened.console.note("SKIPPED: receipt on the host reason=no way to its reports folder")
