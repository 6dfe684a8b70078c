"""`bb8deploy sandbox up|down|situations|run`: an embedded Home Assistant host to try things against."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.common import Modes, plain_errors
from bb8deploy.cli.options import Addon, Docker
from bb8deploy.cli.start import sandbox_run
from bb8deploy.cli.start.runtime import runtime_of

if TYPE_CHECKING:
    from bb8deploy.base.errors import Bb8Error
    from bb8deploy.console.console import Console
    from bb8deploy.workspace.project import Project
    from ha_sandbox import Situation
    from ha_sandbox.box import OpenRuntime

Root = Annotated[
    Path | None,
    typer.Option("--root", help="Folder of the host. Default: a cache folder for each repository."),
]
Detach = Annotated[bool, typer.Option("--detach", help="Run in the background until `sandbox down`.")]
Write = Annotated[
    bool, typer.Option("--write", help="Write the settings to .env.sandbox, which git then ignores.")
]
Situations = Annotated[
    list[str] | None,
    typer.Option(
        "--situation",
        metavar="NAME[=SECONDS]",
        help="Imitate a state of a real host; repeatable. `bb8deploy sandbox situations` lists them.",
    ),
]

_HOSTS = "sandboxes"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="An embedded Home Assistant host: start it, stop it.", no_args_is_help=True)
    group.command()(up)
    group.command()(down)
    group.command()(situations)
    group.command()(sandbox_run.run)
    app.add_typer(group, name="sandbox")


def up(
    root: Root = None,
    addon: Addon = None,
    detach: Detach = False,
    docker: Docker = False,
    situation: Situations = None,
    write: Write = False,
) -> None:
    """Start a host on loopback and print the settings that reach it; Ctrl-C stops it."""
    with plain_errors(Modes()) as console:
        from ha_sandbox import detached

        project = _project(addon)
        folder = _folder(root, project.addon if project else Path.cwd())
        begun = [_situation(text) for text in situation or ()]
        detached.need_free(folder)
        if detach:
            words = _again(folder, project, docker=docker, situations=situation or ())
            _show(console, project, detached.start(folder, words), write=write)
        else:
            _foreground(console, folder, project, runtime_of(docker=docker), begun, write=write)


def down(root: Root = None) -> None:
    """Stop the host that `sandbox up --detach` started."""
    with plain_errors(Modes()) as console:
        from ha_sandbox import detached

        folder = _folder(root, Path.cwd())
        if detached.running(folder) is None:
            raise _not_running(folder)
        detached.stop(folder)
        console.text("the sandbox is down")


def situations() -> None:
    """List the situations that `sandbox up` can imitate."""
    with plain_errors(Modes()) as console:
        from ha_sandbox import Situation

        rows = [(str(situation), situation.meaning) for situation in Situation]
        console.table("Situations", ("name", "meaning"), rows)


def _project(addon: Path | None) -> Project | None:
    """The workspace of the app, None if this folder belongs to none."""
    from bb8deploy.base.errors import Bb8Error
    from bb8deploy.catalogue.errors.workspace import WORKSPACE_NOT_FOUND
    from bb8deploy.workspace.project import find_project

    try:
        return find_project(Path.cwd(), addon=addon)
    except Bb8Error as error:
        if error.code != WORKSPACE_NOT_FOUND.code:
            raise
        return None


def _situation(text: str) -> tuple[Situation, float | None]:
    from bb8deploy.catalogue.errors.tool import SANDBOX_SITUATION_UNKNOWN
    from ha_sandbox.faults import parse_situation

    try:
        return parse_situation(text)
    except ValueError as error:
        raise SANDBOX_SITUATION_UNKNOWN(f"`{text}` is not a situation: {error}") from error


def _folder(root: Path | None, place: Path) -> Path:
    """The host's folder: each repository has one of its own, so that no app finds what another one left."""
    from bb8deploy.base.cache import cache_dir
    from bb8deploy.workspace.project import home_of

    if root:
        return root.resolve()
    home = home_of(place.resolve())
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    return cache_dir(_HOSTS, f"{home.name or 'root'}-{mark}").resolve()


def _not_running(folder: Path) -> Bb8Error:
    """Names the sandboxes of other folders, which `--root` stops."""
    from bb8deploy.base.cache import cache_dir
    from bb8deploy.catalogue.errors.tool import SANDBOX_NOT_RUNNING
    from ha_sandbox import detached

    others = [one for one in sorted(cache_dir(_HOSTS).iterdir()) if detached.running(one) is not None]
    return SANDBOX_NOT_RUNNING(
        f"there is no sandbox in {folder}",
        f"Stop another one with `bb8deploy sandbox down --root {shlex.quote(str(others[0]))}`."
        if others
        else "",
        details=[f"a sandbox is up in {one}" for one in others],
    )


def _again(folder: Path, project: Project | None, *, docker: bool, situations: Sequence[str]) -> list[str]:
    """The command that starts this sandbox in the foreground."""
    words = [sys.executable, "-m", "bb8deploy", "sandbox", "up", "--root", str(folder)]
    words += ["--addon", str(project.addon)] if project else []
    words += ["--docker"] if docker else []
    return words + [f"--situation={text}" for text in situations]


def _foreground(
    console: Console,
    folder: Path,
    project: Project | None,
    runtime: OpenRuntime,
    begun: Sequence[tuple[Situation, float | None]],
    *,
    write: bool,
) -> None:
    """Runs until SIGINT or SIGTERM, and leaves nothing behind."""
    from ha_sandbox import LocalApp, Sandbox, detached

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    app = LocalApp.read(project.addon) if project else None
    try:
        with Sandbox(folder, app=app, open_runtime=runtime) as box:
            for situation, seconds in begun:
                box.faults.begin(situation, seconds)
            detached.write_state(folder, box.env())
            _show(console, project, box.env(), write=write)
            console.text(f"# apps run in: {box.runtime_way}")
            console.text("# Ctrl-C stops the host")
            while not ended.wait(1.0):
                pass
    finally:
        detached.remove_state(folder)  # last, because `down` waits for this


def _show(console: Console, project: Project | None, settings: Mapping[str, str], *, write: bool) -> None:
    """Prints the settings, or writes them to .env.sandbox."""
    if write and project is not None:
        from bb8deploy.lanes.init.init import write_env
        from bb8deploy.lanes.init.secrecy import in_this_clone

        path = project.root / ".env.sandbox"
        write_env(project, path, settings, console, in_this_clone)
        console.text(f"# the settings are in {path}; use them with --target sandbox")
        return
    for name, value in settings.items():
        console.text(f"{name}={value}")
    if project is None:
        console.text("# this folder has no app: set HA_REMOTE_RUNTIME and HA_REMOTE_SLUG, or use --addon")
    console.text("# these are the lines of .env.sandbox, for --target sandbox; --write writes the file")
