"""The ssh host: name, connection, host key, login, shell, tools; one connection, which the others use too."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bb8deploy.base.errors import Bb8Error, UsageError
from bb8deploy.catalogue.errors.host import (
    FILES_AHEAD,
    HOST_DISK_FULL,
    HOST_HALF_DONE,
    HOST_LOCKED,
    HOST_TOOLS_MISSING,
    RUNTIME_NOT_WRITABLE,
    RUNTIME_PATH_INVALID,
)
from bb8deploy.catalogue.errors.ssh import SHELL_BROKEN, SHELL_NOISY, SHELL_SLOW, SSH_NAME_UNKNOWN
from bb8deploy.catalogue.errors.supervisor import HA_CLI_MISSING
from bb8deploy.host.host_readiness import place_obstacles
from bb8deploy.lanes.diagnose.check_result import Check, Sheet, gave_no_answer
from bb8deploy.runs.run import Run

if TYPE_CHECKING:
    from bb8deploy.host.open_host import Host
    from bb8deploy.host.shell.host_probe import Surroundings
    from bb8deploy.transport.ssh_config import Hop
    from bb8deploy.transport.transport_interface import Completed, Transport

SUBJECT = "ssh"
EXEC_DEADLINE = 30.0
LEAST = 0.5
"""Seconds that a connection gets however late it begins."""
LITTLE = 50_000_000
"""Bytes that the disk of the app folder should have free."""
SLOW_EXEC = 0.5
"""Seconds for a command that does nothing; a deploy runs about ten."""
STEPS = ("resolve", "reach", "host key", "login")
_STEP_OF = {
    "SSH_NO_CONNECTION": "reach",
    "SSH_JUMP_FAILED": "reach",
    "SSH_HANDSHAKE": "reach",
    "HOST_KEY_UNKNOWN": "host key",
    "HOST_KEY_CHANGED": "host key",
    "HOST_KEY_REVOKED": "host key",
    "KNOWN_HOSTS_UNREADABLE": "host key",
    "KNOWN_HOSTS_UNWRITABLE": "host key",
    "SSH_AUTH_REFUSED": "login",
    "SSH_LOST": "login",
}
NEEDED = ("tar", "find", "xargs", "sha256sum", "gzip")
USEFUL = ("ha", "docker", "rsync", "python3", "curl")


@dataclass(frozen=True, slots=True)
class SshSeen:
    """The checks up to the login, and the open host if there is one."""

    checks: tuple[Check, ...]
    host: Host | None = None
    hop: Hop | None = None


@dataclass(frozen=True, slots=True)
class HostSeen:
    """What the host offers."""

    checks: tuple[Check, ...]
    around: Surroundings | None = None


def connect(run: Run, spent: Callable[[], float], keep: Callable[[Transport], None]) -> SshSeen:
    """Connects and times an empty command.

    `spent` are the seconds since the diagnosis began, which count as if the connection had taken them;
    `keep` gets the connection, to close it.
    """
    sheet = Sheet(SUBJECT)
    if not run.settings.ssh.host_alias:
        sheet.skip("connection", "HA_SSH_HOST_ALIAS is not set")
        return SshSeen(tuple(sheet.checks))
    from bb8deploy.host.open_host import connect_hop, hop_of

    hop: Hop | None = None
    try:
        hop = hop_of(run.settings)
        left = max(LEAST, hop.connect_timeout - spent())
        transport = connect_hop(replace(hop, connect_timeout=left), run.progress)
    except Bb8Error as error:
        _report_login_steps(sheet, hop, error)
        return SshSeen(tuple(sheet.checks), hop=hop)
    keep(transport)
    _report_login_steps(sheet, hop, None)
    try:
        _shell(sheet, *_time_empty_command(transport))
    except Bb8Error as error:
        sheet.error("shell", error)
        return SshSeen(tuple(sheet.checks), hop=hop)
    return SshSeen(tuple(sheet.checks), _host(run, transport), hop)


def look_around(run: Run, host: Host) -> HostSeen:
    """The user, its tools, the rights, the space, the lock."""
    from bb8deploy.host.shell.host_probe import look_around as ask
    from bb8deploy.host.shell.run_programs import Shell

    sheet = Sheet(SUBJECT)
    transport = host.transport
    if transport is None:
        return HostSeen(())
    shell = Shell(transport, host.files.runtime, sudo=run.settings.ssh.sudo)
    try:
        around = ask(shell)
    except Bb8Error as error:
        sheet.error("tools", error)
        return HostSeen(tuple(sheet.checks))
    _tools(sheet, around)
    _place(sheet, run, around)
    return HostSeen(tuple(sheet.checks), around)


def _host(run: Run, transport: Transport) -> Host:
    """The host; with an unusable HA_REMOTE_RUNTIME its files are not used."""
    from bb8deploy.host.open_host import runtime_folder, ssh_host

    try:
        runtime = runtime_folder(run.settings)
    except UsageError:
        runtime = "/"
    return ssh_host(run.settings, run.progress, transport, runtime)


def _report_login_steps(sheet: Sheet, hop: Hop | None, error: Bb8Error | None) -> None:
    """Reports the steps to a login: those before the failed one passed, those after it were not tried."""
    failed = _STEP_OF.get(error.code, "login" if hop else "resolve") if error else ""
    if error and error.code == SSH_NAME_UNKNOWN.code:
        failed = "resolve"
    for step in STEPS[: STEPS.index(failed)] if failed else STEPS:
        sheet.ok(step, _said(step, hop))
    if error:
        tried = f" ({'; '.join(error.details[:3])})" if error.details else ""
        silent = gave_no_answer(error) and error.code != SSH_NAME_UNKNOWN.code
        sheet.fail(failed, error.cause + tried, error.remedy, error.code, unreachable=silent)
        for step in STEPS[STEPS.index(failed) + 1 :]:
            sheet.skip(step, f"the step `{failed}` failed")


def _said(step: str, hop: Hop | None) -> str:
    if hop is None:
        return ""
    jumps = "".join(f", through {jump.where}" for jump in hop.via)
    return {
        "resolve": f"{hop.where}{jumps}",
        "reach": f"port {hop.port} answers as ssh",
        "host key": "known and the same",
        "login": f"as {hop.user}",
    }[step]


def _time_empty_command(transport: Transport) -> tuple[Completed, float]:
    """An empty command, and the seconds of the quicker one of two."""
    done, seconds = _timed(transport)
    return done, min(seconds, _timed(transport)[1])


def _timed(transport: Transport) -> tuple[Completed, float]:
    began = time.monotonic()
    return transport.run(["true"], deadline=EXEC_DEADLINE), time.monotonic() - began


def _shell(sheet: Sheet, done: Completed, seconds: float) -> None:
    printed = (done.out + done.err).decode(errors="replace").strip()
    milliseconds = f"{seconds * 1000:.0f} ms"
    if not done.ok:
        remedy = "Give the user a login shell that runs commands (not a menu, no `exit` in its rc files)."
        sheet.fail("shell", f"the command `true` ended with: {done.complaint}", remedy, SHELL_BROKEN.code)
    elif seconds > SLOW_EXEC:
        remedy = "Look what the shell's rc files start (pyenv, nvm, ...), and how far away the host is."
        sheet.warn("shell", f"a command that does nothing takes {milliseconds}", remedy, SHELL_SLOW.code)
    else:
        sheet.ok("shell", f"a command that does nothing takes {milliseconds}")
    if printed:
        seen = f"it prints before every command: {printed.splitlines()[0][:60]}"
        remedy = "Let the rc files be silent without a terminal; bb8deploy copes, rsync and scp do not."
        sheet.warn("shell", seen, remedy, SHELL_NOISY.code)


def _tools(sheet: Sheet, around: Surroundings) -> None:
    facts = around.facts
    missing = [tool for tool in NEEDED if not facts.has(tool)]
    if missing:
        remedy = "Log in to Home Assistant's SSH app, or use the mounted share (HA_MOUNT)."
        sheet.fail("tools", f"the host has no {', '.join(missing)}", remedy, HOST_TOOLS_MISSING.code)
    else:
        extra = [tool for tool in USEFUL if facts.has(tool)]
        absent = [tool for tool in ("docker", "rsync") if not facts.has(tool)]
        without = f"; no {', '.join(absent)}, which is fine" if absent else ""
        sheet.ok("tools", f"{facts.system}: all that is needed, and {', '.join(extra) or 'no more'}{without}")
    if not facts.has("ha"):
        remedy = "Log in to Home Assistant's SSH app, or set HA_URL and HA_LLAT."
        sheet.warn("ha", "the host has no `ha` command", remedy, HA_CLI_MISSING.code)


def _place(sheet: Sheet, run: Run, around: Surroundings) -> None:
    place = around.place
    folder = run.settings.ha_remote_runtime
    if not folder:
        return
    if not place.parent:
        remedy = "Correct HA_REMOTE_RUNTIME: the folder above it must be the host's folder of local apps."
        sheet.fail("folder", f"the folder above {folder} does not exist", remedy, RUNTIME_PATH_INVALID.code)
        return
    if place.writable:
        sheet.ok("rights", f"{around.facts.user} may write beside {folder}")
    else:
        remedy = "Set HA_SSH_SUDO=yes, log in as root, or use the mounted share (HA_MOUNT)."
        seen = f"{around.facts.user} may not write to the parent folder of {folder}"
        sheet.fail("rights", seen, remedy, RUNTIME_NOT_WRITABLE.code)
    if place.free is not None and place.free < LITTLE:
        seen = f"the disk of {folder} has {place.free / 1e6:.0f} MB free"
        sheet.fail("space", seen, "Free space on that disk: old backups, unused images.", HOST_DISK_FULL.code)
    elif place.free is not None:
        sheet.ok("space", f"{place.free / 1e9:.1f} GB free on the disk of {folder}")
    for each in place_obstacles(around):
        if each.entry.code == FILES_AHEAD.code:
            sheet.warn("times", each.cause, each.remedy, FILES_AHEAD.code)
    _lock(sheet, around)


def _lock(sheet: Sheet, around: Surroundings) -> None:
    """A lock and what a killed run left are not faults: the next run puts them right."""
    from bb8deploy.host.lock.lock_owner import Held

    place = around.place
    if place.owner:
        held = Held(place.owner, place.expires, around.facts.clock or None)
        sheet.warn("lock", f"the lock of this app is held by {held}", held.remedy, HOST_LOCKED.code)
    if place.marks:
        missing = "" if place.present else ", and the app folder is missing until that is put right"
        seen = f"a run was killed there and left {', '.join(place.marks)}{missing}"
        sheet.warn("lock", seen, "Run `bb8deploy deploy`, which cleans up first.", HOST_HALF_DONE.code)
