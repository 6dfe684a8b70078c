"""Finds whether the app folder on the host was written since it was sent, even if the edit was undone."""

from __future__ import annotations

from collections.abc import Iterator

from bb8deploy.lanes.host_session import is_pulled
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.plan.sync_plan import times_digest
from bb8deploy.runs.journal import SWAP, journals_below
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree

REPLACED = "look at what was replaced"


def built_as_sent(run: Run, found: FoundTree, sent_by: str) -> bool:
    """Whether what the app reports of the run `sent_by` can be what the folder held, which is `found` now.

    An edit that was undone leaves its time. The times are compared with those that the sync and the build
    recorded; without a record, as after a kill in the swap, the answer is no. A host that shows no times and
    an image that is pulled give no reason to doubt.
    """
    times = times_digest(found, Ignore.of_workspace(run.workspace))
    return (
        not times
        or is_pulled(run)
        or times in {_times_at_build(found, sent_by), *_times_at_swap(run, sent_by)}
    )


def replaced_as_sent(run: Run, synced: SyncOutcome, resumed: str) -> str:
    """The run that sent the tree that this deploy replaced, if that tree was built as sent; else empty.

    A deploy that found its own tree in place takes the record of the run `resumed`. The answer is recorded,
    for a run that resumes this one.
    """
    if synced.nothing_to_do:
        sent_by = _recorded(run, resumed)
    else:
        earlier = synced.previous
        sent_by = earlier.run if earlier and built_as_sent(run, synced.before, earlier.run) else ""
    run.journal.write(REPLACED, "done", built_as_sent=sent_by)
    return sent_by


def _recorded(run: Run, run_id: str) -> str:
    """What the run has recorded about the tree that it replaced; empty without a record."""
    found = (
        str(entry.facts.get("built_as_sent", ""))
        for journal in journals_below(run.workspace / "reports", run_id)
        for entry in journal.entries()
        if entry.step == REPLACED
    )
    return next(found, "")


def _times_at_build(found: FoundTree, sent_by: str) -> str:
    """The times at the last build, by the host's record."""
    return found.put_in.times if found.put_in.run == sent_by else ""


def _times_at_swap(run: Run, sent_by: str) -> Iterator[str]:
    """The times right after the newest swap of the run, by its journal in this workspace."""
    for journal in journals_below(run.workspace / "reports", sent_by):
        swaps = [e for e in journal.entries() if (e.step, e.state) == (SWAP, "done")]
        yield from (str(entry.facts.get("times", "")) for entry in swaps[-1:])
