"""`bb8deploy schema NAME`: the JSON Schema of config.yaml or of a contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.schema_names import document, names
from bb8deploy.cli.shell_completion import schemas


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(schema)


def schema(
    name: Annotated[
        str,
        typer.Argument(
            help="config, or a contract such as sync_contract_v1. Default: list all names.",
            autocompletion=schemas,
        ),
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the schema to this file.")] = None,
) -> None:
    """Print a JSON Schema: `config` for config.yaml in editors, the others for the contracts."""
    with plain_errors(Modes()) as console:
        if not name:
            console.raw("\n".join(names()))
            return
        text = json.dumps(document(name), indent=2)
        if out is None:
            console.raw(text)
            return
        from bb8deploy.base.atomic_files import write_text

        write_text(out, text + "\n")
        console.note(f"wrote {out}")
