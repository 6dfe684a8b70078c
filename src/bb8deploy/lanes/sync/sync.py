"""Lane 2: makes the host's runtime folder hold the workspace's add-on, and believes it only after a look."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bb8deploy.base.errors import Bb8Error, CheckFailed
from bb8deploy.base.findings import Finding, Level
from bb8deploy.catalogue.errors.host import HAND_EDITED, SYNC_MISMATCH
from bb8deploy.host.connect import Host
from bb8deploy.host.files.protocol import Delivery, SyncSession
from bb8deploy.host.ownership import refuse_foreign
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
class SyncOutcome:
    """What lane 2 saw and did.

    `manifest` and `digest` are the add-on's; `run_id_on_host` is the run whose stamp lies on the host now,
    an earlier one where nothing had to be sent; `archive` is the earlier tree's folder on the host, None
    where there is none; `diffs` are unified diffs, made on request only.
    """

    plan: SyncPlan
    version: str
    run_id_on_host: str
    where: str
    previous_digest: str
    archive: str | None
    diffs: tuple[str, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """The add-on's files."""
        return self.plan.want

    @property
    def digest(self) -> str:
        """The add-on's tree digest."""
        return self.plan.want.digest

    @property
    def changed(self) -> tuple[str, ...]:
        """Every path that had to change on the host."""
        return self.plan.changes.paths

    @property
    def nothing_to_do(self) -> bool:
        """True where the host held exactly this already."""
        return self.plan.nothing

    @property
    def previous(self) -> Stamp | None:
        """The stamp that lay on the host before."""
        return self.plan.earlier


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to lie on the host: files of `source`, and what the stamp will say of them."""

    source: Path
    manifest: Manifest
    ignore: Ignore
    stamp: Stamp
    slug: str


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
    """Carries lane 2 out for the add-on in `source` (default: the run's own); `approve` may raise before
    anything is changed, without it hand edits on the host are warned of and overwritten.

    Writes SSH_HA_OK and CLEAN_RUNTIME_OK, the latter after the host's files were hashed again; a dry run
    changes nothing and writes no token. Raises CheckFailed, Refused, Unreachable or Locked.
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
                return _outcome(host, plan, wanted, diffs)
            approve(plan) if approve else warn_of_edits(run, host, plan)
            after = _carry_out(run, host, session, wanted, plan, by_rsync=by_rsync)
            _prove(run, plan, after, wanted)
        outcome = _outcome(host, plan, wanted, diffs)
    run.facts.update(tree=outcome.digest, stamp_run=outcome.run_id_on_host, version=outcome.version)
    _write_contract(run, host, outcome, route="rsync" if by_rsync else host.files.route)
    return outcome


def read_wanted(run: Run, source: Path, commit: str | None = None) -> Wanted:
    """Reads and hashes the add-on in `source`. Raises what `walk` and `read_addon` raise."""
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
    """The host's tree after the plan; where there is nothing to do, the tree that was just looked at."""
    if plan.nothing:
        return session.tree
    made = {STAMP: wanted.stamp.data()}
    delivery = Delivery(wanted.source, plan.removals, plan.entries, made, wanted.manifest.size)
    with run.step(SWAP, host.where) as facts:
        facts.update(files=len(delivery.entries), bytes=delivery.size, removed=len(plan.changes.removed))
        if by_rsync:
            return deliver_by_rsync(host, delivery, wanted.ignore, run.id)
        return session.apply(delivery)


def _prove(run: Run, plan: SyncPlan, after: FoundTree, wanted: Wanted) -> None:
    """CLEAN_RUNTIME_OK, or CheckFailed with every difference."""
    stamp = after.stamp.encode() if plan.nothing else wanted.stamp.data()
    problems = differences(after, plan, wanted.ignore, stamp)
    if problems:
        raise SYNC_MISMATCH(
            f"after the sync {len(problems)} things on the host are not as planned, first {problems[0]}",
            details=problems[:20],
        )
    run.ledger.emit(Token.CLEAN_RUNTIME_OK, tree=plan.want.digest, files=len(plan.want.entries))


def _outcome(host: Host, plan: SyncPlan, wanted: Wanted, diffs: tuple[str, ...]) -> SyncOutcome:
    swapped = plan.present and not plan.nothing
    return SyncOutcome(
        plan=plan,
        version=wanted.stamp.version,
        run_id_on_host=plan.earlier.run if plan.nothing and plan.earlier else wanted.stamp.run,
        where=host.where,
        previous_digest=plan.have.digest if plan.present else "",
        archive=archive_of(host.files.runtime) if swapped else None,
        diffs=diffs,
    )


def hand_edits(host: Host, plan: SyncPlan) -> CheckFailed | None:
    """The error for files on the host that are not those which its stamp names."""
    earlier = plan.earlier
    if earlier is None or plan.found_as(earlier) or not (plan.changes or plan.extra):
        return None
    return HAND_EDITED(
        f"files on {host.where} were edited by hand since run {earlier.run} sent them",
        details=("what differs from here, the edited files among it:", *plan.changes.paths[:20]),
    )


def warn_of_edits(run: Run, host: Host, plan: SyncPlan) -> None:
    """Says that hand edits are overwritten, and where they stay."""
    if edited := hand_edits(host, plan):
        run.progress.warn(f"{edited.cause}; kept in {archive_of(host.files.runtime)} until the next sync")


def archive_of(runtime: str) -> str:
    """The folder of the earlier tree beside the runtime folder."""
    folder, _, name = runtime.rpartition("/")
    return f"{folder}/.bb8deploy/{name}/previous"


def _commit(run: Run) -> str:
    head = head_state(run.workspace)
    if not head.commit:
        return "none"
    return f"{head.commit}-dirty" if head.dirty else head.commit


@contextlib.contextmanager
def _contract_on_failure(run: Run, host: Host, *, by_rsync: bool) -> Iterator[None]:
    """A failed lane leaves a contract that says so."""
    try:
        yield
    except Bb8Error as error:
        if not run.dry_run:
            run.findings.append(Finding(error.code, Level.ERROR, run.clean(error.cause), hint=error.remedy))
            route: Literal["ssh", "mount", "rsync"] = "rsync" if by_rsync else host.files.route
            _write_contract(run, host, None, route=route)
        raise


def _write_contract(
    run: Run, host: Host, outcome: SyncOutcome | None, *, route: Literal["ssh", "mount", "rsync"]
) -> None:
    from bb8deploy.runs.contracts.sync import ConnectionModel, SyncContract

    connection: ConnectionModel | None = None
    if host.transport:
        stats = host.transport.stats
        connection = ConnectionModel(
            connections=stats.connections,
            channels=stats.channels,
            round_trips=stats.waits,
            bytes_out=stats.bytes_out,
            bytes_in=stats.bytes_in,
        )
    base = run.contract_base(
        "sync_contract_v1", version=outcome.version if outcome else "", passed=bool(outcome)
    )
    own: dict[str, Any] = _told(outcome) if outcome else {}
    run.write_contract(SyncContract(**base, route=route, where=host.where, connection=connection, **own))


def _told(outcome: SyncOutcome) -> dict[str, Any]:
    from bb8deploy.runs.contracts.sync import PlanModel

    changes = outcome.plan.changes
    return {
        "plan": PlanModel(
            added=changes.added,
            changed=changes.changed,
            removed=(*changes.removed, *outcome.plan.extra),
            modes=changes.modes,
            kept=outcome.plan.kept,
        ),
        "files": len(outcome.manifest.entries),
        "bytes": 0 if outcome.nothing_to_do else sum(entry.size for entry in outcome.plan.entries),
        "digest_before": outcome.previous_digest,
        "digest_after": outcome.digest,
        "tree": outcome.digest,
        "stamp_run": outcome.run_id_on_host,
    }
