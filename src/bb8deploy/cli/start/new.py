"""`bb8deploy new`: writes an app that validates, and lists the next commands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import AsJson
from bb8deploy.lanes.new.app_template import Language

if TYPE_CHECKING:
    from bb8deploy.lanes.new.new import Created

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name, such as hello_lamp or 'Hello Lamp'.")]
In = Annotated[Language, typer.Option("--language", help="What the app is written in.")]


COLUMN = 42
"""Where the words about a step begin; a longer command has them behind it."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(new)


def new(name: Name, language: In = Language.PYTHON, json_output: AsJson = False) -> None:
    """Write a new app: config, Dockerfile, AppArmor profile, translations, tests, pages, icon.

    In a store, the app becomes another folder of that store. Elsewhere, it gets its own store in a new
    folder, with a CI workflow and a git history. Existing files are not changed.
    """
    with plain_errors(Modes(as_json=json_output)) as console:
        from bb8deploy.lanes.new.new import create
        from bb8deploy.lanes.new.next_steps import next_steps

        created = create(Path.cwd(), name, language)
        steps = next_steps(created, Path.cwd())
        if console.as_json:
            console.document({**_facts(created), "next": [step.command for step in steps]})
            return
        console.text(_summary(created))
        console.text("\nNext, on this machine alone, without Home Assistant:")
        for step in steps:
            console.text(f"  {step.command:{COLUMN}}  # {step.why}")


def _facts(created: Created) -> dict[str, object]:
    return {
        "store": str(created.place.root),
        "app": str(created.app),
        "slug": created.name.slug,
        "language": str(created.language),
        "files": list(created.files),
        "committed": created.committed,
    }


def _summary(created: Created) -> str:
    where = shlex.quote(str(created.place.root))
    what = f"a store with the app {created.name.title}" if created.place.fresh else created.name.title
    return f"wrote {what} to {where}: {len(created.files)} files"
