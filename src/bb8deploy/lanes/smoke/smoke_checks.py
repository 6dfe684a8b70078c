"""Runs the project's smoke checks; one that fails is a failed verification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.app import CHECK_FAILED
from bb8deploy.catalogue.errors.workspace import CHECKS_NONE
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import LOG_LINES, reach
from bb8deploy.host.supervisor.route_interface import Supervisor
from bb8deploy.lanes.host_session import Access, connected, slug_of
from bb8deploy.lanes.smoke.smoke_probe import Probes
from bb8deploy.plan.logs.identity_line import newer_lines, since_newest
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.project import find_project
from bb8deploy.workspace.smoke_settings import SmokeCheck

Log = Callable[[], Sequence[str]]
OfContainer = Callable[[tuple[str, ...]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SmokeOutcome:
    """The names of the checks that passed, in the order in which they ran."""

    passed: tuple[str, ...]


def smoke_host(run: Run, access: Access | None = None) -> SmokeOutcome:
    """The smoke checks as a command of their own, for the app as it runs now.

    Raises NotVerified CHECK_FAILED, UsageError CHECKS_INVALID or CHECKS_NONE, and what reaching the host
    raises.
    """
    if not find_project(run.workspace, addon=run.addon).checks:
        raise CHECKS_NONE(f"the settings of {run.workspace} define no smoke check")
    with connected(run, access) as host:
        return smoke(run, host)


def smoke(run: Run, host: Host, *, of_container: OfContainer | None = None) -> SmokeOutcome:
    """Runs every check and writes CHECKS_OK; a project without checks gets no line.

    `of_container` picks the lines of the present container from a log; by default those since its newest
    identity. Raises NotVerified CHECK_FAILED for the first check that does not pass.
    """
    checks = find_project(run.workspace, addon=run.addon).checks
    if not checks:
        return SmokeOutcome(())
    slug = slug_of(run)
    reached = reach(run.settings, run.addon, host, slug)
    try:
        log = _log_of(reached.supervisor, slug, of_container)
        probes = Probes(run, host, reached.supervisor, slug, log)
        for one in checks:
            _pass(run, host, probes, one)
    finally:
        reached.supervisor.close()
    names = tuple(one.name for one in checks)
    run.ledger.emit(Token.CHECKS_OK, passed=len(names), names=",".join(names))
    return SmokeOutcome(names)


def _pass(run: Run, host: Host, probes: Probes, check: SmokeCheck) -> None:
    with run.step(f"check {check.name}", host.where):
        try:
            problem = probes.problem(check)
        except Bb8Error as error:
            problem = error.cause
        if problem:
            raise CHECK_FAILED(f"the smoke check {check} did not pass within {check.within:g} s: {problem}")


def _log_of(supervisor: Supervisor, slug: str, of_container: OfContainer | None) -> Log:
    """The log since the newest identity. Without one, only what comes from now on is certainly new."""
    if of_container:
        return lambda: of_container(supervisor.logs(slug, LOG_LINES))
    before = supervisor.logs(slug, LOG_LINES)

    def lines() -> Sequence[str]:
        log = supervisor.logs(slug, LOG_LINES)
        since = log if supervisor.log_is_current else since_newest(log)
        return newer_lines(before, log, window=LOG_LINES) if since is None else since

    return lines
