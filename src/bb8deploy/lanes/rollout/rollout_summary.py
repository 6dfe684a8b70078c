"""The end of a rollout: its contract, and ALL_HOSTS_OK if this run verified every host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bb8deploy.base.short_lists import first_few
from bb8deploy.lanes.rollout.host_result import DONE, TargetResult
from bb8deploy.lanes.rollout.roll_out import Rollout, RolloutRequest
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.rollout import HostModel

_NAMED = 5
"""Hosts that a reason names; the contract has all of them."""


def summarize(run: Run, request: RolloutRequest, rollout: Rollout) -> None:
    """Writes the contract and, for commands that verify content, the line of ALL_HOSTS_OK."""
    if run.dry_run:
        return
    if run.command.split(maxsplit=1)[0] in {"deploy", "verify"}:
        _all_hosts(run, request, rollout)
    from bb8deploy.runs.contracts.rollout import RolloutContract

    passed = rollout.exit_code == 0 and not rollout.waiting
    pace = request.pace
    version = next((row.version for row in rollout.rows if row.version), "")
    run.write_contract(
        RolloutContract(
            **run.contract_fields(version=version, passed=passed),
            command=run.command,
            group=request.group,
            canary=pace.canary,
            wave=pace.wave,
            max_failures=pace.max_failures,
            pause=pace.pause,
            stopped=rollout.stopped,
            hosts=tuple(host_model(row) for row in rollout.rows),
        )
    )


def _all_hosts(run: Run, request: RolloutRequest, rollout: Rollout) -> None:
    rows = rollout.rows
    reason = _why_not_all(rows)
    trees = {(row.version, row.tree) for row in rows}
    if reason or len(trees) != 1:
        run.ledger.skip(Token.ALL_HOSTS_OK, reason or "the hosts do not have the same content")
        return
    ((version, tree),) = trees
    proofs = {row.proof for row in rows}
    run.ledger.emit(
        Token.ALL_HOSTS_OK,
        hosts=len(rows),
        version=version,
        tree=tree,
        proof=proofs.pop() if len(proofs) == 1 else "stamp",
        group=request.group or None,
    )


def _why_not_all(rows: tuple[TargetResult, ...]) -> str:
    """Which hosts this run has not verified, empty if it has verified every one."""
    missing = [row for row in rows if Token.VERIFY_OK not in row.tokens or row.result != DONE]
    if not missing:
        return ""
    names = first_few([f"{row.name} ({row.in_words})" for row in missing], _NAMED)
    return f"{len(missing)} of {len(rows)} hosts not verified by this run: {names}"


def host_model(row: TargetResult) -> HostModel:
    """A host's row, as the contract and the JSON document have it."""
    from bb8deploy.runs.contracts.rollout import HostModel

    return HostModel(
        target=row.name,
        result=row.result,
        exit_code=row.exit_code,
        version=row.version,
        tree=row.tree,
        proof=row.proof,
        action=row.action,
        tokens=row.tokens,
        wave=row.wave,
        seconds=row.seconds,
        earlier_run=row.earlier,
        reports=str(row.reports) if row.wave else "",
        cause=row.error.cause if row.error else "",
        remedy=row.error.remedy if row.error else "",
    )
