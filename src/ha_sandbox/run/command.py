"""Runs the command of `sandbox run` with the addresses of host and app, and keeps the logs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bb8deploy.base.os_differences import handling, stop_signals
from bb8deploy.catalogue.errors.tool import SANDBOX_COMMAND_MISSING
from ha_sandbox.run.ingress_cookie import ingress_cookie
from ha_sandbox.runtime.runtime_interface import Address
from ha_sandbox.sandbox import Sandbox

_OWN_END = 2.0  # seconds for a command that the terminal has interrupted too
_TERMINATED_END = 10.0  # seconds between SIGTERM and SIGKILL
_BY_SIGNAL = 128  # a shell's exit code for a command that a signal has ended, without the signal's number


def need_program(command: Sequence[str]) -> None:
    """Raises UsageError SANDBOX_COMMAND_MISSING if there is no such program, before anything is built."""
    if shutil.which(command[0]) is None:
        raise SANDBOX_COMMAND_MISSING(f"{command[0]} is not on PATH or not executable")


def run_command(box: Sandbox, command: Sequence[str]) -> int:
    """Runs the command; returns its exit code, as a shell gives it for a signal.

    Ctrl-C, SIGTERM and SIGHUP end the command too, with SIGKILL if it ignores SIGTERM. Raises UsageError
    SANDBOX_COMMAND_MISSING if the program cannot be run.
    """
    environment = {**os.environ, **environment_of(box)}
    process: subprocess.Popen[bytes] | None = None
    try:
        with deferred_interrupts():  # until the process is known, so that it can be ended
            process = subprocess.Popen(list(command), env=environment)
        code = process.wait()
    except OSError as error:
        raise SANDBOX_COMMAND_MISSING(f"{command[0]} cannot be run: {error.strerror}") from error
    except BaseException:
        if process is not None:
            with uninterrupted():
                _end(process)
        raise
    return code if code >= 0 else _BY_SIGNAL - code


def _end(process: subprocess.Popen[bytes]) -> None:
    for ask, patience in ((None, _OWN_END), (process.terminate, _TERMINATED_END), (process.kill, None)):
        if ask is not None:
            ask()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        return


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Handles Ctrl-C, SIGTERM and SIGHUP at the end of the block instead of in it. For the main thread."""
    came: list[int] = []
    with handling(stop_signals(), lambda number, _frame: came.append(number)):
        yield
    if came:
        signal.raise_signal(came[0])


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keeps a second Ctrl-C from ending what cleans up. For the main thread."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def environment_of(box: Sandbox) -> dict[str, str]:
    """The settings of the host, the Supervisor's address and token, the app's slug, /data, ports and page."""
    slug = box.app.slug if box.app else ""
    app = box.manager.installed.get(slug)
    found = {
        **box.env(),
        "SUPERVISOR_URL": box.supervisor_url,
        "SUPERVISOR_TOKEN": box.supervisor_token,
        "SANDBOX_APP": slug,
        "SANDBOX_DATA": str(box.root / "data" / slug),
    }
    if app is None or app.container is None:
        return found
    found |= port_addresses(app.container.ports, "TCP") | port_addresses(app.container.udp_ports, "UDP")
    if app.ingress_port:
        start = app.config.get("ingress_entry", "")
        found["SANDBOX_INGRESS_URL"] = f"{box.core_url}{app.ingress_entry}/{start}"
        found["SANDBOX_INGRESS_COOKIE"] = ingress_cookie(box)
    return found


def port_addresses(ports: Mapping[int, Address], kind: str) -> dict[str, str]:
    """SANDBOX_PORT_8080_TCP=127.0.0.1:8080 for each port of this kind, TCP or UDP, of the container."""
    return {f"SANDBOX_PORT_{port}_{kind}": f"{host}:{number}" for port, (host, number) in ports.items()}


def keep_logs(box: Sandbox, folder: Path) -> None:
    """Copies the logs of the Supervisor and of every app to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in sorted((box.root / "logs").glob("*.log")):
        shutil.copyfile(log, folder / log.name)
