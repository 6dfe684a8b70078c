"""`bb8deploy status`: one screen that says where everything stands."""

from __future__ import annotations

from dataclasses import asdict

import typer

from bb8deploy.cli.common import Modes, open_run
from bb8deploy.cli.options import Addon, AsJson, Target


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(status)


def status(target: Target = "default", addon: Addon = None, json_output: AsJson = False) -> None:
    """Show the versions here, on the host, running and published, and how they differ."""
    with open_run("status", Modes(as_json=json_output), target=target, addon=addon) as opened:
        from bb8deploy.lanes.status import status as look

        places = look(opened.run)
        opened.result["places"] = [asdict(place) for place in places]
        opened.console.table(
            f"Target `{target}`",
            ("place", "version", "tree", "detail"),
            [(place.name, place.version, place.tree[:19], place.detail) for place in places],
        )
