"""The options that commands share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Target = Annotated[
    str, typer.Option("--target", "-t", help="Settings of `.env.NAME` on top of `.env`.", metavar="NAME")
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target", "-t", help="Settings of `.env.NAME` on top of `.env`; repeatable.", metavar="NAME"
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Only one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results and errors.")]
YesOverwrite = Annotated[
    bool, typer.Option("--yes", "-y", help="Overwrite files that were edited by hand on the host.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")]
Addon = Annotated[
    Path | None, typer.Option("--addon", help="The add-on's folder (default: that of the workspace).")
]
