"""Removes the files of a failed first deploy from the host, if they are still exactly what was sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.lanes.verify.verify_types import Delivered, VerifyOptions
from bb8deploy.plan.sync_plan import SyncPlan, fold_names
from bb8deploy.runs.journal import WITHDRAW
from bb8deploy.runs.run import Run
from bb8deploy.workspace.tree_digest import STAMP, Entry, FoundTree, bytes_entry


def withdraw(run: Run, host: Host, synced: SyncOutcome) -> str:
    """Removes the app folder that this deploy made; returns what became of it, as the end of a sentence.

    A folder that holds anything else than what was sent stays as it is. Needs the lock. Raises nothing.
    """
    return _withdraw(run, host, lambda found: is_as_sent(found, synced))


def withdraw_rest(run: Run, host: Host, plan: SyncPlan) -> str:
    """Does what `withdraw` does for a delivery of which another program may have removed a part."""
    return _withdraw(run, host, lambda found: is_part_of(found, plan))


def _withdraw(run: Run, host: Host, confirm: Callable[[FoundTree], bool]) -> str:
    try:
        with run.step(WITHDRAW, host.where) as facts:
            facts["removed"] = removed = host.files.withdraw(run.id, confirm)
    except Bb8Error as error:
        return f"the new files stay on the host: {error.cause}"
    if not removed:
        return "the new files stay on the host, because the app folder was changed after they were sent"
    return "the new files were removed again, since the host has no earlier tree"


def reload_store(run: Run, host: Host, synced: SyncOutcome) -> None:
    """Reloads the Supervisor's store after `withdraw`; a Supervisor that does not answer is ignored."""
    delivered = Delivered(synced.expected, synced.tree)
    attempt = Attempt(run, host, delivered, VerifyOptions(sent=True))
    with suppress(Bb8Error), attempt.opened() as installer, run.step("reload the store", host.where):
        installer.actions.reload()


def is_as_sent(found: FoundTree, synced: SyncOutcome) -> bool:
    """True if the tree is exactly what was hashed after the sync, and that was the delivery and nothing else.

    Ignored files do not count for a sync, but the user who put them there wants to keep them.
    """
    want, seen = synced.plan.want, synced.tree
    extra = len(seen.manifest.entries) - len(want.entries) - 1  # the stamp is not in the plan
    folders = len(seen.folders) - len(want.folders())
    return found == seen and not (extra or folders or seen.others)


def is_part_of(found: FoundTree, plan: SyncPlan) -> bool:
    """True if the tree holds files of the delivery as they were sent, and nothing else."""
    found = fold_names(found, plan.want)
    sent = {**plan.want.by_path, STAMP: bytes_entry(STAMP, plan.stamp.data())}
    as_sent = all(_is_same(sent.get(entry.path), entry) for entry in found.manifest.entries)
    return as_sent and not found.others and plan.want.folders() >= {*found.folders}


def _is_same(sent: Entry | None, entry: Entry) -> bool:
    return sent is not None and sent.content == entry.content
