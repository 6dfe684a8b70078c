"""`bb8deploy rules`: every rule of lane 1 with its level, source and whether it has a fix."""

from __future__ import annotations

from typing import Annotated

import typer

from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import AsJson
from bb8deploy.cli.shell_completion import areas


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(rules)


def rules(
    area: Annotated[
        str, typer.Argument(help="An area, such as build or config. Default: all.", autocompletion=areas)
    ] = "",
    json_output: AsJson = False,
) -> None:
    """List the rules of validate: code, level, fixable, since, source."""
    with plain_errors(Modes(as_json=json_output)) as console:
        from bb8deploy.catalogue.rules_listing import as_records, as_table

        if json_output:
            console.document({"rules": as_records(area)})
        else:
            console.raw("\n".join(as_table(area)))
