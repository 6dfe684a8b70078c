"""`bb8deploy report`: an HTML page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bb8deploy.base.secret import Secret
from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import Addon, AsJson
from bb8deploy.cli.shell_completion import runs
from bb8deploy.settings.load_settings import load, target_names
from bb8deploy.workspace.project import workspace_root


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)


def report(
    run: Annotated[
        str,
        typer.Option(
            "--run", help="The id of the run. Default: the newest run.", metavar="ID", autocompletion=runs
        ),
    ] = "",
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    addon: Addon = None,
    json_output: AsJson = False,
) -> None:
    """Write reports/report.html with the steps, tokens, findings, changed files and echo latency of a run."""
    with plain_errors(Modes(as_json=json_output), addon=addon) as console:
        from bb8deploy.lanes.report.read_records import find_home
        from bb8deploy.lanes.report.report import write_report

        root = workspace_root(Path.cwd(), addon=addon)
        page = write_report(find_home(root / "reports", run), run, secrets=_secrets(root))
        console.text(str(page))
        if json_output:
            console.document({"report": str(page), "bytes": page.stat().st_size})
        if open_page and not _open(page):
            console.warn("no browser could be started; open the file named above")


def _secrets(root: Path) -> list[Secret]:
    """The secrets of every target, because a run can have used any of them."""
    return [
        secret for name in ("default", *target_names(root)) for secret in load(root, target=name).secrets()
    ]


def _open(page: Path) -> bool:
    import webbrowser

    return webbrowser.open(page.absolute().as_uri())
