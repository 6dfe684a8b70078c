"""`bb8deploy test`: the app's tests here, or the project's smoke checks on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.shared_options import AcceptNew, Addon, As, AsJson, Quiet, Target, Via, ViaChoice

if TYPE_CHECKING:
    from bb8deploy.lanes.host_session import Access

OnHost = Annotated[
    bool, typer.Option("--on-host", help="Run the smoke checks of the settings against the running app.")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("test")(run_checks)


def run_checks(
    on_host: OnHost = False,
    target: Target = "default",
    via: Via = ViaChoice.AUTO,
    accept_new: AcceptNew = False,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run the app's tests; with --on-host, check the running app by HTTP, MQTT, its log or a command."""
    modes = Modes(as_json=json_output, quiet=quiet, via=via.value, as_name=as_name)
    lane = "verify" if on_host else "validate"
    with open_run("test", modes, target=target, addon=addon, lane=lane) as opened:
        if on_host:
            from bb8deploy.lanes.host_session import Access

            _on_host(opened, Access(via.value, accept_new))
        else:
            _here(opened)


def _on_host(opened: Opened, access: Access) -> None:
    from bb8deploy.lanes.smoke.smoke_checks import smoke_host

    passed = smoke_host(opened.run, access).passed
    opened.result["passed"] = list(passed)
    opened.console.note(f"{len(passed)} smoke check(s) passed: {', '.join(passed)}")


def _here(opened: Opened) -> None:
    from bb8deploy.lanes.validate.validate import validate

    validate(opened.run)
