"""`bb8deploy explain CODE`: the page of an error or finding code."""

from __future__ import annotations

from importlib import resources
from typing import Annotated

import typer

from bb8deploy.base.errors import UsageError
from bb8deploy.catalogue.rules import rules
from bb8deploy.cli.common import Modes, plain_errors


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(explain)


def explain(
    code: Annotated[
        str, typer.Argument(help="The code, such as CONFIG_INVALID; without one, all codes.")
    ] = "",
) -> None:
    """Explain an error or finding: what it means, why it matters, what to do."""
    with plain_errors(Modes()) as console:
        console.raw(page(code.upper()) if code else "\n".join(codes()))


def codes() -> list[str]:
    """Every code that has a page: rules of the table, and errors with a file of their own."""
    folder = resources.files("bb8deploy") / "pages"
    files = {item.name.removesuffix(".md") for item in folder.iterdir() if item.name.endswith(".md")}
    return sorted(files | rules().keys())


def page(code: str) -> str:
    """The page of a code; raises UsageError with the nearest known one."""
    if code in rules():
        return rules()[code].page().rstrip()
    known = codes()
    if code in known:
        return (resources.files("bb8deploy") / "pages" / f"{code}.md").read_text(encoding="utf-8").rstrip()
    import difflib

    near = difflib.get_close_matches(code, known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else "`bb8deploy explain` lists all codes."
    raise UsageError("CODE_UNKNOWN", f"there is no page for {code}", remedy)
