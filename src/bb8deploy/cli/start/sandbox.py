"""`bb8deploy sandbox up|down|situations|run`: an embedded Home Assistant host to try things against."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import Addon, Docker
from bb8deploy.cli.start import sandbox_run
from bb8deploy.cli.start.sandbox_folder import Apps, apps_here, host_folder, not_running, show_settings
from bb8deploy.cli.start.sandbox_runtime import runtime_of

if TYPE_CHECKING:
    from bb8deploy.console.console import Console
    from ha_sandbox import Situation
    from ha_sandbox.sandbox import OpenRuntime

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
        from ha_sandbox import background

        apps = apps_here(addon)
        folder = host_folder(root, apps.app or Path.cwd())
        begun = [_situation(text) for text in situation or ()]
        background.need_free(folder)
        if detach:
            words = _again(folder, apps.app, docker=docker, situations=situation or ())
            show_settings(console, apps, background.start(folder, words), write=write)
            console.text(f"# stop the host with `{_stop_command(root, addon)}`")
        else:
            _foreground(console, folder, apps, runtime_of(docker=docker), begun, write=write)


def down(root: Root = None, addon: Addon = None) -> None:
    """Stop the host that `sandbox up --detach` started."""
    with plain_errors(Modes()) as console:
        from ha_sandbox import background

        folder = host_folder(root, (apps_here(addon).app if addon else None) or Path.cwd())
        if background.running(folder) is None:
            raise not_running(folder)
        background.stop(folder)
        console.text("the sandbox is down")


def situations() -> None:
    """List the situations that `sandbox up` can imitate."""
    with plain_errors(Modes()) as console:
        from ha_sandbox import Situation

        rows = [(str(situation), situation.meaning) for situation in Situation]
        console.table("Situations", ("name", "meaning"), rows)


def _situation(text: str) -> tuple[Situation, float | None]:
    from bb8deploy.catalogue.errors.tool import SANDBOX_SITUATION_UNKNOWN
    from ha_sandbox.situations import parse_situation

    try:
        return parse_situation(text)
    except ValueError as error:
        raise SANDBOX_SITUATION_UNKNOWN(f"`{text}` is not a situation: {error}") from error


def _stop_command(root: Path | None, addon: Path | None) -> str:
    """The command that stops the host again, from this folder."""
    named = ("--root", str(root)) if root else ("--addon", str(addon)) if addon else ()
    return shlex.join(("bb8deploy", "sandbox", "down", *named))


def _again(folder: Path, app: Path | None, *, docker: bool, situations: Sequence[str]) -> list[str]:
    """The command that starts this sandbox in the foreground."""
    words = [sys.executable, "-m", "bb8deploy", "sandbox", "up", "--root", str(folder)]
    words += ["--addon", str(app)] if app else []
    words += ["--docker"] if docker else []
    return words + [f"--situation={text}" for text in situations]


def _foreground(
    console: Console,
    folder: Path,
    apps: Apps,
    runtime: OpenRuntime,
    begun: Sequence[tuple[Situation, float | None]],
    *,
    write: bool,
) -> None:
    """Runs until a signal asks it to stop, and leaves nothing behind."""
    from bb8deploy.base.os_differences import stop_signals
    from ha_sandbox import LocalApp, Sandbox, background

    ended = threading.Event()
    for number in stop_signals():
        signal.signal(number, lambda *_: ended.set())
    app = LocalApp.read(apps.app) if apps.app else None
    try:
        with Sandbox(folder, app=app, open_runtime=runtime) as box:
            for situation, seconds in begun:
                box.faults.begin(situation, seconds)
            background.write_state(folder, box.env())
            show_settings(console, apps, box.env(), write=write)
            console.text(f"# apps run in: {box.runtime_way}")
            console.text("# Ctrl-C stops the host")
            while not ended.wait(1.0):
                pass
    finally:
        background.remove_state(folder)  # last, because `down` waits for this
