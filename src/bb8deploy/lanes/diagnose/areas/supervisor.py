"""The Supervisor: which routes reach it, whether it may build, its disk space, its jobs, its problems."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.untrusted_json import rows_in
from bb8deploy.catalogue.errors.host import HOST_DISK_LOW
from bb8deploy.catalogue.errors.supervisor import (
    HOST_OFFLINE,
    ROUTE_CLOSED,
    SUPERVISOR_BUSY,
    SUPERVISOR_ISSUES,
    SUPERVISOR_OUTDATED,
    SUPERVISOR_SAID_NO,
    SUPERVISOR_UNHEALTHY,
    SUPERVISOR_UNSUPPORTED,
)
from bb8deploy.host import slug_folders
from bb8deploy.host.host_readiness import DOCUMENTS, supervisor_obstacles
from bb8deploy.host.slug_folders import Topology
from bb8deploy.lanes.diagnose.check_result import Check, Sheet
from bb8deploy.lanes.diagnose.parallel import Pending, spawn
from bb8deploy.lanes.host_session import slug_of
from bb8deploy.runs.run import Run

if TYPE_CHECKING:
    from bb8deploy.host.open_host import Host
    from bb8deploy.host.supervisor.find_route import Reached
    from bb8deploy.host.supervisor.route_interface import Look, Supervisor

SUBJECT = "supervisor"
LOG_LINES = 400
ANSWER = 40.0
"""Seconds for what is asked ahead."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the Supervisor reports about itself and its host, and when it was asked and answered (epoch s)."""

    documents: Mapping[str, Mapping[str, object]]
    before: float
    after: float

    @classmethod
    def by(cls, supervisor: Supervisor) -> Told:
        """Asks; no documents without an answer."""
        before = time.time()
        try:
            found = supervisor.documents(*DOCUMENTS)
        except Bb8Error:
            found = {}
        return cls(found, before, time.time())

    @property
    def clock(self) -> tuple[float | None, float]:
        """How far the host's clock is ahead of ours, and how far off that may be, in seconds."""
        try:
            told = datetime.fromisoformat(str(self.documents["host/info"]["dt_utc"])).timestamp()
        except (KeyError, ValueError):
            return None, 0.0
        return told - (self.before + self.after) / 2, (self.after - self.before) / 2 + 1.0


@dataclass(frozen=True, slots=True)
class SupervisorSeen:
    """What was seen; `asked` where the Supervisor answered about the app, `denied` where `ha` was refused.

    `look` holds the app's state and log; `log` the Supervisor's own, read only if something is wrong;
    `clock` how many seconds the host is ahead of us, and how far off that may be.
    """

    checks: tuple[Check, ...]
    slug: str = ""
    asked: bool = False
    denied: str = ""
    look: Look | None = None
    topology: Topology | None = None
    log: tuple[str, ...] = ()
    clock: tuple[float | None, float] = (None, 0.0)


def look(run: Run, host: Host | None, *, by_core: bool) -> SupervisorSeen:
    """Asks by the best open route: `host` is the ssh host, `by_core`: Core accepted the token."""
    sheet = Sheet(SUBJECT)
    try:
        slug = slug_of(run)
    except Bb8Error as error:
        sheet.error("app", error)
        return SupervisorSeen(tuple(sheet.checks))
    if host is None and not by_core and not run.settings.supervisor_token:
        sheet.skip("ways", "no way leads there: neither ssh nor Core with an administrator's token")
        return SupervisorSeen(tuple(sheet.checks), slug)
    from bb8deploy.host.supervisor.find_route import reach
    from bb8deploy.host.supervisor.route_interface import LookExtras

    ahead = _ahead(host)
    program = slug_folders.program(host.files.runtime) if host else ""
    try:
        reached = reach(run.settings, run.addon, host, slug, LookExtras(program))
    except Bb8Error as error:
        sheet.error("ways", error)
        return SupervisorSeen(tuple(sheet.checks), slug, denied=_denied(error.cause, *error.details))
    with contextlib.closing(reached.supervisor):
        return _ask(sheet, slug, host, reached, ahead)


def _ask(
    sheet: Sheet, slug: str, host: Host | None, reached: Reached, ahead: Pending[Told] | None
) -> SupervisorSeen:
    said = reached.capabilities.describe()
    sheet.ok("ways", f"answers by {reached.capabilities.chosen}")
    for attempt in reached.capabilities.attempts:
        if not attempt.works:
            remedy = "Use an SSH app with the manager role; for a non-root user set HA_SSH_SUDO=yes."
            sheet.warn("ways", f"{attempt.route} does not work: {attempt.answer}", remedy, ROUTE_CLOSED.code)
    told = ahead.wait() if ahead and reached.capabilities.chosen == "ha" else Told.by(reached.supervisor)
    _health(sheet, told.documents, slug)
    _issues(sheet, told.documents.get("resolution/info", {}))
    return SupervisorSeen(
        tuple(sheet.checks),
        slug,
        asked=True,
        denied=_denied(*said),
        look=reached.first,
        topology=_topology(host, reached.first),
        log=_own_log(reached),
        clock=told.clock,
    )


def _ahead(host: Host | None) -> Pending[Told] | None:
    """Over ssh the documents are asked for beside the app; the answer counts if `ha` is the way taken."""
    if host is None or host.transport is None:
        return None
    from bb8deploy.host.supervisor.ha_cli_route import HaCli

    route = HaCli(host.transport, sudo=host.settings.ssh.sudo)
    return spawn(SUBJECT, lambda: Told.by(route), deadline=ANSWER)


def _denied(*said: str) -> str:
    return next((status for status in ("401", "403") for line in said if f"answered {status}" in line), "")


def _topology(host: Host | None, first: Look) -> Topology | None:
    """The folders beside the app's: over ssh they came with the first look, else they are read now."""
    if host is None or host.transport is None:
        return None
    try:
        if first.program_output is not None:
            return slug_folders.read(first.program_output, host.files.runtime)
        sudo = host.settings.ssh.sudo
        return slug_folders.look_over(host.transport, host.files.runtime, sudo=sudo)
    except Bb8Error:
        return None


def _own_log(reached: Reached) -> tuple[str, ...]:
    """The Supervisor's own log, where the app is not as it should be: it holds pulls and failed builds."""
    state = reached.first.state
    fine = state and state.installed and not state.detached and state.version == state.listed
    if fine and state and state.state in {"started", "startup", "stopped"}:
        return ()
    try:
        return reached.supervisor.supervisor_logs(LOG_LINES)
    except Bb8Error:
        return ()


def _health(sheet: Sheet, documents: Mapping[str, Mapping[str, object]], slug: str) -> None:
    """Everything that would stop a build, and a line for each area without an obstacle."""
    from bb8deploy.host.supervisor.route_interface import parse_health

    if "supervisor/info" not in documents:
        remedy = "Look at `ha supervisor info` on the host."
        sheet.warn("health", "it does not describe itself to us", remedy, SUPERVISOR_SAID_NO.code)
        return
    obstacles = supervisor_obstacles(documents, slug)
    for each in obstacles:
        say = sheet.fail if each.blocks else sheet.warn
        say(_AREAS[each.entry.code], each.cause, each.remedy, each.entry.code)
    bad = {_AREAS[each.entry.code] for each in obstacles}
    health = parse_health(documents["supervisor/info"], documents.get("resolution/info", {}))
    fine = {
        "health": f"version {health.version}, healthy",
        "update": "none pending",
        "internet": "connected",
        "jobs": "none under way",
    }
    for area in fine.keys() - bad:
        sheet.ok(area, fine[area])
    if "space" not in bad:
        _space(sheet, documents.get("host/info", {}))
    if not health.supported:
        why = ", ".join(health.unsupported) or "it gives no reason"
        remedy = "Nothing, if you know of it: it does not keep the Supervisor from building."
        sheet.warn("support", f"the installation is unsupported: {why}", remedy, SUPERVISOR_UNSUPPORTED.code)


_AREAS = {
    SUPERVISOR_UNHEALTHY.code: "health",
    SUPERVISOR_OUTDATED.code: "update",
    HOST_OFFLINE.code: "internet",
    HOST_DISK_LOW.code: "space",
    SUPERVISOR_BUSY.code: "jobs",
}


def _space(sheet: Sheet, info: Mapping[str, object]) -> None:
    free = info.get("disk_free")
    if isinstance(free, int | float):
        sheet.ok("space", f"{free:g} GB free")
    else:
        sheet.skip("space", "the Supervisor does not report the free space")


def _issues(sheet: Sheet, info: Mapping[str, object]) -> None:
    issues = rows_in(info.get("issues"))
    if not issues:
        sheet.ok("issues", "none")
        return
    words = ("type", "context", "reference")
    names = ", ".join(" ".join(str(row[word]) for word in words if row.get(word)) for row in issues[:4])
    remedy = "Look at Settings, System, Repairs in Home Assistant."
    sheet.warn("issues", f"{len(issues)} open: {names}", remedy, SUPERVISOR_ISSUES.code)
