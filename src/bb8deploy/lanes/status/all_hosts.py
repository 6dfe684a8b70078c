"""The state of many hosts at once: version, content, drift and last deploy, one connection for each."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.host import HOST_MISSING
from bb8deploy.host.open_host import RECEIPT, Host
from bb8deploy.lanes.host_session import connected, names_host, slug_of
from bb8deploy.lanes.rollout.host_runs import HostRuns
from bb8deploy.lanes.status.status import files_on, place_here, running_on, unseen
from bb8deploy.lanes.sync.plan_from_workspace import AppRead, read_app, wanted_by
from bb8deploy.plan.version_drift import DriftState, VersionPlace, drift_in_brief, drift_of
from bb8deploy.plan.waves import AT_ONCE
from bb8deploy.runs.past_runs import PastRun, past_runs, runs_of_app
from bb8deploy.runs.run import Run, defect

LIMIT = 32 * 1024 * 1024
"""Bytes of a receipt; a run writes about one kilobyte."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host: its files and the running app, how they differ from the workspace, and the last deploy.

    `brief` is the drift in a few words each. `error` is why the host could not be reached.
    """

    target: str
    files: VersionPlace
    running: VersionPlace
    drift: tuple[str, ...] = ()
    brief: tuple[str, ...] = ()
    last: PastRun | None = None
    error: Bb8Error | None = None


@dataclass(frozen=True, slots=True)
class StatusOfHosts:
    """The workspace and every host, in the order of the targets."""

    here: VersionPlace
    hosts: tuple[HostStatus, ...] = field(default=())


def all_hosts(run: Run, names: Sequence[str]) -> StatusOfHosts:
    """Looks at the hosts of these targets at the same time; the app in the workspace is read once.

    A host that cannot be reached is a row with its error. Raises UsageError HOST_MISSING if there is none.
    """
    if not names:
        raise HOST_MISSING("neither HA_SSH_HOST_ALIAS nor HA_MOUNT is set in any target, so there is no host")
    read = read_app(run, run.addon)
    here = place_here(run, wanted_by(run, read))
    runs = HostRuns(run)
    with ThreadPoolExecutor(min(AT_ONCE, len(names)), "bb8deploy-status") as pool:
        try:
            hosts = tuple(pool.map(lambda name: _status_of(runs, name, read, here), names))
        except KeyboardInterrupt:
            runs.end()
            raise
    return StatusOfHosts(here, hosts)


def _status_of(runs: HostRuns, name: str, read: AppRead, here: VersionPlace) -> HostStatus:
    own: Run | None = None
    try:
        own = runs.of(name)
        files, running, last = _look(runs, own, read)
    except Exception as problem:  # noqa: BLE001 - one host's defect leaves the others their rows
        error = problem if isinstance(problem, Bb8Error) else defect(problem, own or runs.run)
        files, running = unseen("host", error), unseen("running", error)
        return HostStatus(name, files, running, brief=("not read",), error=error)
    rolled_back = last is not None and last.restored
    drift = drift_of((here, files, running), rolled_back=rolled_back)
    brief = drift_in_brief(here, files, running)
    return HostStatus(name, files, running, drift, brief, last)


def _look(runs: HostRuns, own: Run, read: AppRead) -> tuple[VersionPlace, VersionPlace, PastRun | None]:
    if not names_host(own):
        nowhere = VersionPlace("host", state=DriftState.UNSET, detail="no way to the app folder is set")
        return nowhere, running_on(own, None), None
    with connected(own) as host:
        runs.opened(host)
        return files_on(host, wanted_by(own, read)), running_on(own, host), _last_deploy(own, host)


def _last_deploy(own: Run, host: Host) -> PastRun | None:
    """The newest run in the host's receipt that changed or verified the app; None if none is known."""
    try:
        data = host.files.read(f"{own.settings.ha_reports_dir.rstrip('/')}/{RECEIPT}", limit=LIMIT)
    except Bb8Error:
        return None
    past = past_runs((data or b"").decode("utf-8", "replace"))
    mine = runs_of_app(past, slug_of(own))
    return next((run for run in mine if run.version or run.error), None)
