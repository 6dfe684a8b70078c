"""Finds which versions ran before on a host, from the app's reports in its log and from earlier runs."""

from __future__ import annotations

from collections.abc import Iterable

from bb8deploy.host.supervisor.find_route import Reached
from bb8deploy.lanes.host_session import slug_of
from bb8deploy.lanes.verify.install import DEEP_LINES, Installer
from bb8deploy.lanes.verify.seen_running import known_to_have_run
from bb8deploy.plan.logs.identity_line import Expected, Identity, identities
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore


def ran_before(run: Run, installer: Installer, expected: Expected, known: Identity | None = None) -> bool:
    """True if this version and tree ran before `installer` does anything; `known` is what ran for certain.

    Reads far back in the log if the newest lines and the journals of this workspace have no sign of it.
    """
    named = (expected.version, expected.tree)
    certain = _contents(run, [known] if known else ())
    reported = _contents(run, identities(installer.before.log))
    if named in certain | reported | known_to_have_run(run, installer.task.slug):
        return True
    return named in _contents(run, identities(installer.watch.container_log(DEEP_LINES)))


def proven_before(run: Run, expected: Expected) -> bool:
    """True if a run of this workspace has verified this version and tree on this host; asks no log."""
    return (expected.version, expected.tree) in known_to_have_run(run, slug_of(run))


def seen_running(run: Run, reached: Reached | None) -> frozenset[tuple[str, str]]:
    """The versions and trees that ran, as far as the newest lines of the log and the journals show it."""
    log = reached.first.log if reached else ()
    return _contents(run, identities(log)) | known_to_have_run(run, slug_of(run))


def _contents(run: Run, reports: Iterable[Identity]) -> frozenset[tuple[str, str]]:
    """What ran by these reports.

    A build that was given other files than its stamp names is left out: it was not that content which ran.
    """
    ignore = Ignore.of_workspace(run.workspace)
    return frozenset((said.version, said.tree) for said in reports if said.proof(ignore.ignores_file))
