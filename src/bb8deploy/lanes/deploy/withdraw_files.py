"""Removes the files of a failed first deploy from the host, if they are still exactly what was sent."""

from __future__ import annotations

from contextlib import suppress

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.lanes.verify.verify_types import Delivered, VerifyOptions
from bb8deploy.runs.journal import WITHDRAW
from bb8deploy.runs.run import Run
from bb8deploy.workspace.tree_digest import FoundTree


def withdraw(run: Run, host: Host, synced: SyncOutcome) -> str:
    """Removes the app folder that this deploy made; returns what became of it, as the end of a sentence.

    A folder that holds anything else than what was sent stays as it is. Needs the lock. Raises nothing.
    """
    try:
        with run.step(WITHDRAW, host.where) as facts:
            facts["removed"] = removed = host.files.withdraw(run.id, lambda found: is_as_sent(found, synced))
    except Bb8Error as error:
        return f"the new files stay on the host: {error.cause}"
    if not removed:
        return "the new files stay on the host, because the app folder was changed after they were sent"
    return "the new files were removed again, since the host has no earlier tree"


def forget(run: Run, host: Host, synced: SyncOutcome) -> None:
    """Has the Supervisor read its store again after `withdraw`, as far as it answers."""
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
