"""Writes sync_contract_v1: the plan of a sync, what it cost, and the digests before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bb8deploy.host.open_host import Host
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.plan.sync_plan import SyncPlan
from bb8deploy.runs.run import Run

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.sync import ConnectionModel, PlanModel


def write_contract(run: Run, host: Host, outcome: SyncOutcome | None, *, by_rsync: bool) -> None:
    """Writes the contract; `outcome` None means that the sync failed."""
    from bb8deploy.runs.contracts.sync import SyncContract

    version = outcome.version if outcome else ""
    route: Literal["ssh", "mount", "rsync"] = "rsync" if by_rsync else host.files.route
    contract = SyncContract(
        **run.contract_fields(version=version, passed=bool(outcome)),
        route=route,
        where=host.where,
        connection=_connection(host),
    )
    run.write_contract(contract.model_copy(update=_details(outcome)) if outcome else contract)


def _details(outcome: SyncOutcome) -> dict[str, object]:
    return {
        "plan": _plan(outcome.plan),
        "files": len(outcome.manifest.entries),
        "bytes": 0 if outcome.nothing_to_do else sum(entry.size for entry in outcome.plan.entries),
        "digest_before": outcome.previous_digest,
        "digest_after": outcome.digest,
        "tree": outcome.digest,
        "stamp_run": outcome.run_id_on_host,
    }


def _plan(plan: SyncPlan) -> PlanModel:
    from bb8deploy.runs.contracts.sync import PlanModel

    changes = plan.changes
    return PlanModel(
        added=changes.added,
        changed=changes.changed,
        removed=(*changes.removed, *plan.extra),
        modes=changes.modes,
        kept=plan.kept,
    )


def _connection(host: Host) -> ConnectionModel | None:
    from bb8deploy.runs.contracts.sync import ConnectionModel

    if not host.transport:
        return None
    stats = host.transport.stats
    return ConnectionModel(
        connections=stats.connections,
        channels=stats.channels,
        round_trips=stats.waits,
        bytes_out=stats.bytes_out,
        bytes_in=stats.bytes_in,
    )
