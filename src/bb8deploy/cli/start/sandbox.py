"""`bb8deploy sandbox up|down`: an embedded Home Assistant host to try things against."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bb8deploy.catalogue.errors.tool import SANDBOX_NOT_RUNNING, SANDBOX_RUNNING, SANDBOX_START_FAILED
from bb8deploy.cli.common import Modes, plain_errors
from bb8deploy.cli.options import Docker

if TYPE_CHECKING:
    from bb8deploy.console import Console
    from ha_sandbox import Sandbox
    from ha_sandbox.box import OpenRuntime

_DEADLINE = 60.0  # seconds for a detached sandbox to start or end
Root = Annotated[Path | None, typer.Option("--root", help="Folder of the host; a cache folder without it.")]
Detach = Annotated[bool, typer.Option("--detach", help="Run in the background until `sandbox down`.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="An embedded Home Assistant host: start it, stop it.", no_args_is_help=True)
    group.command()(up)
    group.command()(down)
    app.add_typer(group, name="sandbox")


def up(root: Root = None, detach: Detach = False, docker: Docker = False) -> None:
    """Start a host on loopback and print the settings that reach it; Ctrl-C stops it."""
    with plain_errors(Modes()) as console:
        folder = _folder(root)
        _need_free(folder)
        if detach:
            _print(console, _detached(folder, ["--docker"] if docker else []))
        else:
            _foreground(folder, console, runtime_of(docker=docker))


def down(root: Root = None) -> None:
    """Stop the host that `sandbox up --detach` started."""
    with plain_errors(Modes()) as console:
        folder = _folder(root)
        pid = _pid(folder)
        if pid is None:
            _refuse_down(folder)
        os.kill(pid, signal.SIGTERM)
        _await(lambda: _pid(folder) is None)
        console.text("the sandbox is down")


def runtime_of(*, docker: bool) -> OpenRuntime:
    """The way of running add-ons that was asked for."""
    from ha_sandbox.runtime.docker import DockerRuntime
    from ha_sandbox.runtime.process import runtime_for

    return DockerRuntime if docker else runtime_for


def _foreground(folder: Path, console: Console, runtime: OpenRuntime) -> None:
    """Runs until SIGINT or SIGTERM; nothing of it is left afterwards."""
    from ha_sandbox import Sandbox

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with Sandbox(folder, open_runtime=runtime) as box:
            _write_state(folder, box)
            _print(console, box.env())
            console.text(f"# add-ons run by: {box.runtime_way}")
            console.text("# put these lines into .env.sandbox for --target sandbox; Ctrl-C stops the host")
            while not ended.wait(1.0):
                pass
    finally:
        _state(folder).unlink(missing_ok=True)  # last, because `down` takes it for the end


def _detached(folder: Path, options: list[str]) -> dict[str, str]:

    log = folder / "state" / "sandbox.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch(mode=0o600)  # it carries the settings, tokens among them
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bb8deploy", "sandbox", "up", "--root", str(folder), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _await(lambda: _state(folder).is_file() or process.poll() is not None)
    if not _state(folder).is_file():
        raise SANDBOX_START_FAILED(
            "the detached sandbox ended before it was ready",
            details=log.read_text(errors="replace").splitlines()[-20:],
        )
    settings: dict[str, str] = json.loads(_state(folder).read_text(encoding="utf-8"))["env"]
    return settings


def _print(console: Console, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        console.text(f"{name}={value}")


def _folder(root: Path | None) -> Path:
    from bb8deploy.base.cache import cache_dir

    return (root or cache_dir("sandbox")).resolve()


def _state(folder: Path) -> Path:
    return folder / "state" / "sandbox.json"


def _write_state(folder: Path, box: Sandbox) -> None:
    from bb8deploy.base.atomic import write_text

    write_text(_state(folder), json.dumps({"pid": os.getpid(), "env": box.env()}), mode=0o600)


def _pid(folder: Path) -> int | None:
    """The process of the sandbox in `folder`, None where it has ended."""
    try:
        pid = int(json.loads(_state(folder).read_text(encoding="utf-8"))["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError):
        return None
    return pid


def _need_free(folder: Path) -> None:

    if _pid(folder) is not None:
        raise SANDBOX_RUNNING(
            f"a sandbox is up in {folder} already",
            f"Stop it with `bb8deploy sandbox down --root {folder}`, or choose another --root.",
        )
    _state(folder).unlink(missing_ok=True)


def _refuse_down(folder: Path) -> NoReturn:

    raise SANDBOX_NOT_RUNNING(f"there is no sandbox in {folder}")


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
