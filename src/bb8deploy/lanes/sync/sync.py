"""Lane 2: makes the app folder on the host hold the workspace's app, and hashes it again there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.findings import Finding, Level
from bb8deploy.catalogue.errors.host import SYNC_MISMATCH
from bb8deploy.host.connect import Host
from bb8deploy.host.files.protocol import SyncSession, Transfer
from bb8deploy.host.ownership import refuse_foreign
from bb8deploy.lanes.session import Access, held
from bb8deploy.lanes.sync.contract import write_contract
from bb8deploy.lanes.sync.edits import archive_of, warn_of_edits
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.rsync import deliver_by_rsync
from bb8deploy.lanes.sync.textdiff import unified
from bb8deploy.plan.sync import Stamp, SyncPlan, differences, plan_sync, without_stamp
from bb8deploy.runs.journal import SWAP
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.addon import read_addon
from bb8deploy.workspace.git import head_state
from bb8deploy.workspace.ignore import Ignore
from bb8deploy.workspace.tree import STAMP, FoundTree, Manifest, walk


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the host must hold: the files of `source`, and the content of the stamp."""

    source: Path
    manifest: Manifest
    ignore: Ignore
    stamp: Stamp
    slug: str


def sync_host(
    run: Run, access: Access | None = None, *, by_rsync: bool = False, with_diff: bool = False
) -> SyncOutcome:
    """Lane 2 as a command of its own: opens the host, locks it, syncs. Raises what `sync` raises."""
    with held(run, "sync", access) as host:
        return sync(run, host, by_rsync=by_rsync, with_diff=with_diff)


def sync(
    run: Run,
    host: Host,
    *,
    source: Path | None = None,
    commit: str | None = None,
    by_rsync: bool = False,
    with_diff: bool = False,
    approve: Callable[[SyncPlan], object] | None = None,
) -> SyncOutcome:
    """Syncs the app in `source` (default: the run's own) to the host.

    `approve` may raise before anything is changed; without it, hand edits on the host are overwritten with
    a warning. Writes SSH_HA_OK and CLEAN_RUNTIME_OK, the latter after the host's files were hashed again; a
    dry run changes nothing and writes no token. Raises CheckFailed, Refused, Unreachable or Locked.
    """
    with _contract_on_failure(run, host, by_rsync=by_rsync):
        guard = contextlib.nullcontext() if run.dry_run else host.lock(run)
        with _reading(run, source or run.addon, commit) as reading, guard, _session(run, host) as session:
            with run.step("read the workspace") as facts:
                wanted = reading.result()
                facts.update(tree=wanted.manifest.digest, files=len(wanted.manifest.entries))
            if not run.dry_run and host.files.route == "ssh":
                run.ledger.emit(Token.SSH_HA_OK, host=host.where)
            files = host.files
            plan = plan_sync(session.tree, wanted.manifest, wanted.ignore, wanted.stamp)
            refuse_foreign(session.tree, wanted.manifest, wanted.slug, files.where, files.fetch)
            diffs = tuple(unified(plan, wanted.source, host.files.fetch)) if with_diff else ()
            if run.dry_run:
                return _outcome(host, plan, wanted, session.tree, diffs)
            approve(plan) if approve else warn_of_edits(run, host, plan)
            after = _carry_out(run, host, session, wanted, plan, by_rsync=by_rsync)
            _prove(run, plan, after, wanted)
        outcome = _outcome(host, plan, wanted, after, diffs)
    write_contract(run, host, outcome, by_rsync=by_rsync)
    return outcome


def read_wanted(run: Run, source: Path, commit: str | None = None) -> Wanted:
    """Reads and hashes the app in `source`. Raises what `walk` and `read_addon` raise."""
    ignore = Ignore.of_workspace(run.workspace)
    manifest = without_stamp(walk(source, ignore))
    info = read_addon(source)
    stamp = Stamp(info.version, manifest.digest, commit or _commit(run), run.id)
    return Wanted(source, manifest, ignore, stamp, info.slug)


@contextlib.contextmanager
def _reading(run: Run, source: Path, commit: str | None) -> Iterator[Future[Wanted]]:
    """Reads the workspace while the host hashes its files."""
    with ThreadPoolExecutor(1, "bb8deploy-read") as pool:
        yield pool.submit(read_wanted, run, source, commit)


@contextlib.contextmanager
def _session(run: Run, host: Host) -> Iterator[SyncSession]:
    with contextlib.ExitStack() as stack:
        with run.step("hash the host's files", host.where):
            session = stack.enter_context(host.session(run.id))
        yield session


def _carry_out(
    run: Run, host: Host, session: SyncSession, wanted: Wanted, plan: SyncPlan, *, by_rsync: bool
) -> FoundTree:
    """The host's tree after the plan; if there is nothing to do, the tree that was just hashed."""
    if plan.nothing:
        return session.tree
    made = {STAMP: wanted.stamp.data()}
    delivery = Transfer(wanted.source, plan.removals, plan.entries, made, wanted.manifest.size)
    with run.step(SWAP, host.where) as facts:
        facts.update(files=len(delivery.entries), bytes=delivery.size, removed=len(plan.changes.removed))
        if by_rsync:
            return deliver_by_rsync(host, delivery, wanted.ignore, run.id)
        return session.apply(delivery)


def _prove(run: Run, plan: SyncPlan, after: FoundTree, wanted: Wanted) -> None:
    """Emits CLEAN_RUNTIME_OK. Raises CheckFailed with every difference."""
    stamp = after.stamp.encode() if plan.nothing else wanted.stamp.data()
    problems = differences(after, plan, wanted.ignore, stamp)
    if problems:
        raise SYNC_MISMATCH(
            f"{len(problems)} path(s) on the host are not as planned after the sync, first {problems[0]}",
            details=problems[:20],
        )
    run.ledger.emit(Token.CLEAN_RUNTIME_OK, tree=plan.want.digest, files=len(plan.want.entries))


def _outcome(
    host: Host, plan: SyncPlan, wanted: Wanted, tree: FoundTree, diffs: tuple[str, ...]
) -> SyncOutcome:
    swapped = plan.present and not plan.nothing
    return SyncOutcome(
        plan=plan,
        version=wanted.stamp.version,
        tree=tree,
        run_id_on_host=plan.earlier.run if plan.nothing and plan.earlier else wanted.stamp.run,
        where=host.where,
        previous_digest=plan.have.digest if plan.present else "",
        archive=archive_of(host.files.runtime) if swapped else None,
        diffs=diffs,
    )


def _commit(run: Run) -> str:
    head = head_state(run.workspace)
    if not head.commit:
        return "none"
    return f"{head.commit}-dirty" if head.dirty else head.commit


@contextlib.contextmanager
def _contract_on_failure(run: Run, host: Host, *, by_rsync: bool) -> Iterator[None]:
    """A failed lane leaves a contract with its error."""
    try:
        yield
    except Bb8Error as error:
        if not run.dry_run:
            run.findings.append(Finding(error.code, Level.ERROR, run.clean(error.cause), hint=error.remedy))
            write_contract(run, host, None, by_rsync=by_rsync)
        raise
