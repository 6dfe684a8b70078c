"""A sandbox in the background: the state file in its folder, start, and stop."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bb8deploy.base.atomic_files import write_text
from bb8deploy.catalogue.errors.tool import (
    SANDBOX_NO_FOLDER,
    SANDBOX_NOT_RUNNING,
    SANDBOX_RUNNING,
    SANDBOX_START_FAILED,
)

_DEADLINE = 60.0  # seconds for a detached sandbox to start or to end
_LOG_LINES = 20


def start(folder: Path, command: Sequence[str]) -> dict[str, str]:
    """Runs `command`, which starts a sandbox in `folder`, in the background; returns its settings.

    Raises CheckFailed SANDBOX_START_FAILED if it ends before it has written its state.
    """
    log = folder / "state" / "sandbox.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch(mode=0o600)  # it contains the settings, tokens among them
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _await(lambda: _state(folder).is_file() or process.poll() is not None)
    if not _state(folder).is_file():
        raise SANDBOX_START_FAILED(
            "the detached sandbox ended before it was ready",
            details=log.read_text(errors="replace").splitlines()[-_LOG_LINES:],
        )
    settings: dict[str, str] = json.loads(_state(folder).read_text(encoding="utf-8"))["env"]
    return settings


def stop(folder: Path) -> None:
    """Stops the sandbox in `folder`. Raises UsageError SANDBOX_NOT_RUNNING if there is none."""
    pid = running(folder)
    if pid is None:
        raise SANDBOX_NOT_RUNNING(f"there is no sandbox in {folder}")
    os.kill(pid, signal.SIGTERM)
    _await(lambda: running(folder) is None)


def write_state(folder: Path, env: Mapping[str, str]) -> None:
    """Records that this process runs the sandbox in `folder`, and the settings that reach it."""
    state = {"pid": os.getpid(), "born": _born(os.getpid()), "env": dict(env)}
    write_text(_state(folder), json.dumps(state), mode=0o600)


def remove_state(folder: Path) -> None:
    """Records that the sandbox has ended."""
    _state(folder).unlink(missing_ok=True)


def need_free(folder: Path) -> None:
    """Creates `folder`, and removes the state of a killed sandbox.

    Raises Locked SANDBOX_RUNNING if a sandbox runs in it, and CheckFailed SANDBOX_NO_FOLDER if none could.
    """
    if running(folder) is not None:
        raise SANDBOX_RUNNING(
            f"a sandbox is up in {folder} already",
            f"Use that one, stop it with `bb8deploy sandbox down --root {shlex.quote(str(folder))}`,"
            " or choose another --root.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _state(folder).parent.mkdir(exist_ok=True)
        remove_state(folder)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise SANDBOX_NO_FOLDER(f"{folder} cannot be the host's folder: {error.strerror}") from error


def running(folder: Path) -> int | None:
    """The process of the sandbox in `folder`, None if it has ended."""
    try:
        state = json.loads(_state(folder).read_text(encoding="utf-8"))
        pid, born = int(state["pid"]), str(state.get("born", ""))
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError):
        return None
    return pid if born in {"", _born(pid)} else None


def _born(pid: int) -> str:
    """When a process started, in ticks since the boot: its number may be another process's later.

    Source: proc(5), field 22 of /proc/PID/stat. Empty where there is no /proc.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _state(folder: Path) -> Path:
    return folder / "state" / "sandbox.json"


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
