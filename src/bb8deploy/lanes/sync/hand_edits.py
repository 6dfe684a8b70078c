"""Detects files on the host that were edited by hand since the last sync."""

from __future__ import annotations

from itertools import islice

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.host import HAND_EDITED
from bb8deploy.host.open_host import Host
from bb8deploy.plan.sync_plan import SyncPlan
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import STATE
from bb8deploy.workspace.tree_digest import diff

SHOWN = 20


def hand_edits(host: Host, plan: SyncPlan) -> CheckFailed | None:
    """The error for files on the host that are not those of its stamp, None if there are none."""
    earlier = plan.earlier
    if earlier is None or plan.found_as(earlier) or not (plan.changes or plan.extra):
        return None
    return HAND_EDITED(
        f"files on {host.where} were edited by hand since run {earlier.run} sent them",
        details=edit_lines(plan),
    )


def edit_lines(plan: SyncPlan) -> tuple[str, ...]:
    """The edited files if it is known what was sent, else all that differs from here."""
    if plan.sent is not None:
        return ("edited on the host:", *diff(plan.have, plan.sent, modes=False).paths[:SHOWN])
    differing = (f"{path} (generated)" if path in plan.generated else path for path in plan.changes.paths)
    return ("what differs from here, the edited files among it:", *islice(differing, SHOWN))


def warn_of_edits(run: Run, host: Host, plan: SyncPlan) -> None:
    """Warns that hand edits, or files of another tool, are overwritten, and where they are kept."""
    edited = hand_edits(host, plan)
    cause = edited.cause if edited else _without_stamp(host, plan)
    if cause:
        run.progress.warn(f"{cause}; kept in {archive_of(host.files.runtime)} until the next sync")


def _without_stamp(host: Host, plan: SyncPlan) -> str:
    """What the sync replaces or removes in a folder that bb8deploy did not send; empty for nothing."""
    if plan.earlier or not (plan.changes.changed or plan.changes.removed or plan.extra):
        return ""
    return f"files on {host.where} have no stamp of bb8deploy and differ from those here"


def archive_of(runtime: str) -> str:
    """The folder of the earlier tree beside the app folder."""
    folder, _, name = runtime.rpartition("/")
    return f"{folder}/{STATE}/{name}/previous"
