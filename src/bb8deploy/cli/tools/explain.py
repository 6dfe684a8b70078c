"""`bb8deploy explain CODE`: what an error or finding means and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shell_completion import codes


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(explain)


def explain(
    code: Annotated[
        str,
        typer.Argument(help="A code, such as CONFIG_INVALID. Default: list all codes.", autocompletion=codes),
    ] = "",
) -> None:
    """Explain an error or finding: what it means and what to do."""
    with plain_errors(Modes()) as console:
        console.raw(wrapped(page(code.upper()), console.columns) if code else "\n".join(listing()))


def listing() -> Iterator[str]:
    """All codes with how they end and their titles, grouped by area."""
    from bb8deploy.catalogue.code_lookup import groups

    for group in groups():
        yield group.title
        width = max(len(code) for code, _, _ in group.rows)
        yield from (f"  {code:{width}}  {title} ({ends})" for code, ends, title in group.rows)
        yield ""
    yield "`bb8deploy explain CODE` describes one of them."


def wrapped(text: str, columns: int) -> str:
    """A page with its paragraphs in lines of at most `columns`; 0: 80."""
    import textwrap

    paragraphs = (textwrap.fill(one, columns or 80, break_on_hyphens=False) for one in text.split("\n\n"))
    return "\n\n".join(paragraphs)


def page(code: str) -> str:
    """The page of a code; raises UsageError with the nearest known code."""
    from bb8deploy.catalogue.code_lookup import find, nearest
    from bb8deploy.catalogue.errors.tool import CODE_UNKNOWN

    entry = find(code)
    if entry:
        return entry.page().rstrip()
    near = nearest(code)
    raise CODE_UNKNOWN(f"there is no code {code}", f"Did you mean {near}?" if near else "")
