"""Lane 2: makes the app folder on the host hold the workspace's app, and hashes it again there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.os_differences import user_and_machine
from bb8deploy.catalogue.errors.host import SYNC_MISMATCH
from bb8deploy.host.files.app_folder_interface import SyncSession, Transfer
from bb8deploy.host.folder_ownership import refuse_foreign, refuse_other_copy
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.host_session import Access, held, slug_of
from bb8deploy.lanes.sync.contract import write_contract
from bb8deploy.lanes.sync.hand_edits import archive_of, warn_of_edits
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.plan_from_workspace import (
    AppRead,
    PlannedSync,
    Wanted,
    plan_delivery,
    read_wanted,
    require_possible,
    wanted_by,
)
from bb8deploy.lanes.sync.rsync import deliver_by_rsync
from bb8deploy.lanes.sync.text_diff import unified
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import SyncPlan, differences, times_digest
from bb8deploy.runs.journal import SWAP
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.tree_digest import FoundTree


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
    app: AppRead | None = None,
    by_rsync: bool = False,
    with_diff: bool = False,
    approve: Callable[[SyncPlan], object] | None = None,
) -> SyncOutcome:
    """Syncs the app in `source` (default: the run's own) to the host; `app` is one that was read before.

    `approve` may raise before anything is changed; without it, hand edits on the host are overwritten with
    a warning. Writes SSH_HA_OK and CLEAN_RUNTIME_OK, the latter after the host's files were hashed again; a
    dry run changes nothing and writes no token. Raises CheckFailed, Refused, Unreachable or Locked.
    """
    with _contract_on_failure(run, host, by_rsync=by_rsync):
        guard = contextlib.nullcontext() if run.dry_run else host.lock(run)
        with (
            _reading(run, source or run.addon, commit, app) as reading,
            guard,
            _session(run, host) as session,
        ):
            with run.step("read the workspace") as facts:
                wanted = reading.result()
                facts.update(tree=wanted.manifest.digest, files=len(wanted.manifest.entries))
            if not run.dry_run and host.files.route == "ssh":
                run.ledger.emit(Token.SSH_HA_OK, host=host.where)
            require_possible(wanted.level)
            planned = plan_delivery(session.tree, wanted)
            _refuse_others(host, session.tree, planned, wanted.slug)
            diffs = tuple(unified(planned, wanted.source, host.files.fetch)) if with_diff else ()
            if run.dry_run:
                return _outcome(host, planned, session.tree, session.tree, diffs)
            if wanted.level.proof is not Proof.SEALED:
                run.progress.note(wanted.level.in_words)
            approve(planned.plan) if approve else warn_of_edits(run, host, planned.plan)
            after = _carry_out(run, host, session, wanted, planned, by_rsync=by_rsync)
            _prove(run, planned, after, wanted)
        outcome = _outcome(host, planned, session.tree, after, diffs)
    write_contract(run, host, outcome, by_rsync=by_rsync)
    return outcome


def require_own_folder(run: Run, host: Host) -> None:
    """Looks at the app folder before a command other than sync replaces it. Needs the lock.

    Raises CheckFailed if it is not this app's; warns of hand edits, which the swap keeps.
    """
    wanted = read_wanted(run, run.addon)
    with _session(run, host) as session:
        planned = plan_delivery(session.tree, wanted)
        _refuse_others(host, session.tree, planned, wanted.slug)
    warn_of_edits(run, host, planned.plan)


def _refuse_others(host: Host, found: FoundTree, planned: PlannedSync, slug: str) -> None:
    """Raises CheckFailed RUNTIME_NOT_OURS if the folder is another app's, or of another instance."""
    files, plan = host.files, planned.plan
    refuse_foreign(found, planned.delivery.manifest, slug, files.where, files.fetch)
    earlier_ports = plan.earlier.ports if plan.earlier else None
    refuse_other_copy(found, files.where, ports=plan.stamp.ports, earlier_ports=earlier_ports)


@contextlib.contextmanager
def _reading(run: Run, source: Path, commit: str | None, app: AppRead | None) -> Iterator[Future[Wanted]]:
    """Reads the workspace while the host hashes its files."""
    with ThreadPoolExecutor(1, "bb8deploy-read") as pool:
        yield pool.submit(wanted_by, run, app) if app else pool.submit(read_wanted, run, source, commit)


@contextlib.contextmanager
def _session(run: Run, host: Host) -> Iterator[SyncSession]:
    with contextlib.ExitStack() as stack:
        with run.step("hash the host's files", host.where):
            session = stack.enter_context(host.session(run.id))
        yield session


def _carry_out(
    run: Run, host: Host, session: SyncSession, wanted: Wanted, planned: PlannedSync, *, by_rsync: bool
) -> FoundTree:
    """The host's tree after the plan; if there is nothing to do, the tree that was just hashed."""
    plan, delivery = planned.plan, planned.delivery
    if plan.nothing:
        return session.tree
    transfer = Transfer(wanted.source, plan.removals, plan.entries, delivery.contents, delivery.manifest.size)
    with run.step(SWAP, host.where) as facts:
        facts.update(files=len(transfer.entries), bytes=transfer.size, removed=len(plan.changes.removed))
        if by_rsync:
            after = deliver_by_rsync(host, transfer, wanted.ignore, run.id)
        else:
            after = session.apply(transfer)
        facts["times"] = times_digest(after, wanted.ignore)
    return after


def _prove(run: Run, planned: PlannedSync, after: FoundTree, wanted: Wanted) -> None:
    """Emits CLEAN_RUNTIME_OK. Raises CheckFailed with every difference."""
    plan, tree = planned.plan, planned.delivery.tree
    stamp = after.stamp.encode() if plan.nothing else plan.stamp.data()
    problems = differences(after, plan, wanted.ignore, stamp)
    if problems:
        raise SYNC_MISMATCH(
            f"{len(problems)} path(s) on the host are not as planned after the sync, first {problems[0]}",
            details=problems[:20],
        )
    run.ledger.emit(
        Token.CLEAN_RUNTIME_OK,
        tree=tree.digest,
        files=len(plan.want.entries),
        version=plan.stamp.version,
        slug=slug_of(run),
        by=user_and_machine(),
    )


def _outcome(
    host: Host, planned: PlannedSync, before: FoundTree, tree: FoundTree, diffs: tuple[str, ...]
) -> SyncOutcome:
    plan = planned.plan
    swapped = plan.replaces and not plan.nothing
    return SyncOutcome(
        plan=plan,
        delivery=planned.delivery,
        level=planned.level,
        before=before,
        tree=tree,
        where=host.where,
        previous_digest=plan.have.digest if plan.present else "",
        archive=archive_of(host.files.runtime) if swapped else None,
        diffs=diffs,
    )


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
