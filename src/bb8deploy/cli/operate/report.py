"""`bb8deploy report`: one page that tells a run, for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bb8deploy.base.secret import Secret
from bb8deploy.cli.common import Modes, plain_errors
from bb8deploy.cli.options import AsJson
from bb8deploy.settings.load import load, target_names
from bb8deploy.workspace.project import find_project


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)


def report(
    run: Annotated[
        str, typer.Option("--run", help="The run's id; without it the newest.", metavar="ID")
    ] = "",
    open_page: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    json_output: AsJson = False,
) -> None:
    """Write reports/report.html: a run's steps, tokens, findings, changed files and echo latency."""
    with plain_errors(Modes(as_json=json_output)) as console:
        from bb8deploy.lanes.report.files import find_home
        from bb8deploy.lanes.report.report import write_report

        root = find_project(Path.cwd()).root
        page = write_report(find_home(root / "reports", run), run, secrets=_secrets(root))
        console.text(str(page))
        if json_output:
            console.document({"report": str(page), "bytes": page.stat().st_size})
        if open_page and not _open(page):
            console.warn("no browser could be started here; open the file above yourself")


def _secrets(root: Path) -> list[Secret]:
    """The secrets of every target: a run may have been about any of them."""
    return [
        secret for name in ("default", *target_names(root)) for secret in load(root, target=name).secrets()
    ]


def _open(page: Path) -> bool:
    import webbrowser

    return webbrowser.open(page.absolute().as_uri())
