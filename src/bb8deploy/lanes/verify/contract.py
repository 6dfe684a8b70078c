"""Writes verify_contract_v1: what the Supervisor was asked for, and what the app reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bb8deploy.plan.install_action import Decision
from bb8deploy.plan.logs.identity_line import Expected, Identity, Proof
from bb8deploy.runs.run import Run

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.verify import IdentityModel


@dataclass(frozen=True, slots=True)
class VerifyRecord:
    """What an attempt knew when it ended; `decision` is None if it ended before one was made, `proof` if no
    level was reached. `undetected_edits` names the undone edits that could not be detected, empty for none.
    """

    slug: str
    expected: Expected
    routes: tuple[str, ...]
    route: str
    decision: Decision | None
    states: tuple[str, ...]
    observed: Identity | None
    topology: tuple[str, ...]
    log_tail: tuple[str, ...]
    build_log: tuple[str, ...]
    error: str
    proof: Proof | None = None
    undetected_edits: str = ""


def write_contract(run: Run, record: VerifyRecord) -> None:
    """Writes the contract into the run's folder."""
    from bb8deploy.runs.contracts.verify import IdentityModel, VerifyContract

    want, decision = record.expected, record.decision
    run.write_contract(
        VerifyContract(
            **run.contract_fields(version=want.version, passed=not record.error),
            slug=record.slug,
            routes=record.routes,
            route=record.route,
            action=decision.action.value if decision else "",
            proof=record.proof.value if record.proof else "",
            why=decision.why if decision else "",
            states=record.states,
            expected=IdentityModel(version=want.version, tree=want.tree, run=want.run),
            observed=_observed(record.observed),
            topology=record.topology,
            log_tail=record.log_tail,
            build_log=record.build_log,
            error=record.error,
            undetected_edits=record.undetected_edits,
        )
    )


def _observed(seen: Identity | None) -> IdentityModel | None:
    from bb8deploy.runs.contracts.verify import IdentityModel

    if seen is None:
        return None
    return IdentityModel(
        version=seen.version, tree=seen.tree, run=seen.run, commit=seen.commit, python=seen.python
    )
