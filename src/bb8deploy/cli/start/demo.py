"""`bb8deploy demo`: the whole product at work on this machine alone, no Home Assistant needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import Addon, Docker, Quiet
from bb8deploy.cli.start.sandbox_runtime import runtime_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from bb8deploy.console.console import Console
    from bb8deploy.lanes.demo.demo import Scratch
    from ha_sandbox.sandbox import OpenRuntime

Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="Scratch folder, emptied first. Default: reports/demo of the workspace, or a cache folder.",
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is released: the app in the folder `app` of the checkout `root`."""

    root: Path
    app: Path


def demo(root: Root = None, addon: Addon = None, docker: Docker = False, quiet: Quiet = False) -> None:
    """Release this workspace into an embedded Home Assistant host, and show what each token means.

    Outside of a workspace, release the sample app that comes with bb8deploy.
    """
    with plain_errors(Modes(quiet=quiet)) as console:
        shown = _shown(addon)
        with _place(root, shown.root if shown else None) as place:
            exit_code = _show(console, shown, place, runtime_of(docker=docker))
    raise typer.Exit(exit_code)


def _shown(addon: Path | None) -> Shown | None:
    """The app at hand, None outside of a workspace."""
    from bb8deploy.base.errors import UsageError
    from bb8deploy.catalogue.errors.workspace import WORKSPACE_NOT_FOUND
    from bb8deploy.workspace.project import find_project, repository_root

    try:
        project = find_project(Path.cwd(), addon=addon)
    except UsageError as error:
        if error.code == WORKSPACE_NOT_FOUND.code:
            return None
        raise
    root = repository_root(project.addon) or project.root
    return Shown(root, project.addon.relative_to(root))


def _place(root: Path | None, workspace: Path | None) -> AbstractContextManager[Scratch]:
    from bb8deploy.base.cache_folder import cache_dir
    from bb8deploy.lanes.demo.demo import free_scratch, scratch

    if root:
        return scratch(root)
    return free_scratch(workspace / "reports" / "demo" if workspace else cache_dir("demo"))


def _show(console: Console, shown: Shown | None, place: Scratch, runtime: OpenRuntime) -> int:
    from bb8deploy.lanes.demo import demo as scene
    from bb8deploy.workspace.app_config import read_addon
    from bb8deploy.workspace.project import find_project
    from ha_sandbox import Sandbox

    head, settings = _prepare(console, shown.root if shown else None, place)
    addon = find_project(place.workspace, addon=place.workspace / shown.app if shown else None).addon
    app = read_addon(addon)
    with Sandbox(place.host, open_runtime=runtime) as box:
        console.note(f"    commit {head[:12]}; apps run by: {box.runtime_way}")
        step = console.step("demo: install and start the app on the host, as it is in this commit")
        with step, scene.stamped(place, addon, head):
            box.install(addon, scene.options_for(app))
        scene.write_settings(place, {**box.env(), **settings})
        if scene.change(place, addon):
            console.note("    this version is released already: a line of the app's DOCS.md was changed")
        console.note("    $ bb8deploy release patch")
        exit_code = scene.release(place, addon, ("--quiet",) if console.quiet else ())
    if exit_code == 0:
        console.table("What was observed", ("token", "lane", "meaning"), scene.earned(place))
    else:
        console.note("the demo's host is gone, so there is nothing to resume: run `bb8deploy demo` again")
    report = place.reports / "report.html"
    console.text(f"report: {report}" if report.is_file() else f"receipts: {place.reports}")
    return exit_code


def _prepare(console: Console, workspace: Path | None, place: Scratch) -> tuple[str, Mapping[str, str]]:
    """Clones the workspace, or the sample app; returns the commit and the app's own settings."""
    from bb8deploy.lanes.demo import demo as scene
    from bb8deploy.lanes.demo import sample

    if workspace:
        with console.step("demo: clone the workspace"):
            return scene.clone(workspace, place), {}
    console.note("no app here: this demo releases a copy of the sample app that comes with bb8deploy")
    with console.step("demo: write the sample app"):
        sample.write_sample(place.root / "sample")
        return scene.clone(place.root / "sample", place), sample.SETTINGS
