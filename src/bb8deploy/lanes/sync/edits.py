"""Detects files on the host that were edited by hand since the last sync."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.host import HAND_EDITED
from bb8deploy.host.connect import Host
from bb8deploy.plan.sync import SyncPlan
from bb8deploy.runs.run import Run


def hand_edits(host: Host, plan: SyncPlan) -> CheckFailed | None:
    """The error for files on the host that are not those of its stamp, None if there are none."""
    earlier = plan.earlier
    if earlier is None or plan.found_as(earlier) or not (plan.changes or plan.extra):
        return None
    return HAND_EDITED(
        f"files on {host.where} were edited by hand since run {earlier.run} sent them",
        details=("what differs from here, the edited files among it:", *plan.changes.paths[:20]),
    )


def warn_of_edits(run: Run, host: Host, plan: SyncPlan) -> None:
    """Warns that hand edits are overwritten, and where they are kept."""
    if edited := hand_edits(host, plan):
        run.progress.warn(f"{edited.cause}; kept in {archive_of(host.files.runtime)} until the next sync")


def archive_of(runtime: str) -> str:
    """The folder of the earlier tree beside the app folder."""
    folder, _, name = runtime.rpartition("/")
    return f"{folder}/.bb8deploy/{name}/previous"
