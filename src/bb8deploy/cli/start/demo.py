"""`bb8deploy demo`: the whole product at work on this machine alone, no Home Assistant needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.common import Modes, plain_errors
from bb8deploy.cli.options import Quiet
from bb8deploy.cli.start.sandbox import Docker, runtime_of

if TYPE_CHECKING:
    from bb8deploy.console import Console
    from bb8deploy.lanes.demo.demo import Scratch
    from ha_sandbox.box import OpenRuntime

Root = Annotated[
    Path | None,
    typer.Option("--root", help="Scratch folder, emptied first; reports/demo of the workspace without it."),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(root: Root = None, docker: Docker = False, quiet: Quiet = False) -> None:
    """Release this workspace into an embedded Home Assistant host, and show what each token stands for."""
    with plain_errors(Modes(quiet=quiet)) as console:
        from bb8deploy.lanes.demo.demo import scratch
        from bb8deploy.workspace.project import find_project

        workspace = find_project(Path.cwd()).root
        with scratch(root or workspace / "reports" / "demo") as place:
            exit_code = _show(console, workspace, place, runtime_of(docker=docker))
    raise typer.Exit(exit_code)


def _show(console: Console, workspace: Path, place: Scratch, runtime: OpenRuntime) -> int:
    from bb8deploy.lanes.demo import demo as scene
    from ha_sandbox import Sandbox

    with console.step("demo: clone the workspace"):
        head = scene.clone(workspace, place)
    with Sandbox(place.host, open_runtime=runtime) as box:
        console.note(f"    commit {head[:12]}; add-ons run by: {box.runtime_way}")
        with console.step("demo: give the host a history: the add-on as it stands, installed and started"):
            box.install(place.workspace / "addon", scene.OPTIONS)
        if scene.change(place):
            console.note("    this version is released already: a line of the add-on's DOCS.md was changed")
        scene.write_settings(place, box.env())
        console.note("    $ bb8deploy release patch")
        exit_code = scene.release(place, ("--quiet",) if console.quiet else ())
    if exit_code == 0:
        console.table("What was observed", ("token", "lane", "stands for"), scene.earned(place))
    else:
        console.note("the demo's host is gone, so there is nothing to resume: run `bb8deploy demo` again")
    report = place.reports / "report.html"
    console.text(f"report: {report}" if report.is_file() else f"receipts: {place.reports}")
    return exit_code
