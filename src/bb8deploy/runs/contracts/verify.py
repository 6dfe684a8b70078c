"""verify_contract_v1: what the Supervisor was asked for, its answers, and what the app reported."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract


class IdentityModel(BaseModel):
    """A version, tree digest and run, as expected or as reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    tree: str
    run: str
    commit: str = ""
    python: str = ""


class VerifyContract(Contract):
    """What lane 3 did and observed.

    `states` are the app's states in the order in which they were seen; `log_tail` and `build_log` are
    filled if it failed; `routes` are all routes to the Supervisor that were asked. `proof` is the level of
    proof that was reached, empty if none was. `undetected_edits` names the edits on the host that the
    proof cannot detect once they are undone, empty if it detects all.
    """

    contract: Literal["verify_contract_v1"] = "verify_contract_v1"
    slug: str = ""
    route: str = ""
    routes: tuple[str, ...] = ()
    action: str = ""
    why: str = ""
    proof: Literal["", "sealed", "stamp", "running"] = ""
    states: tuple[str, ...] = ()
    expected: IdentityModel | None = None
    observed: IdentityModel | None = None
    topology: tuple[str, ...] = ()
    log_tail: tuple[str, ...] = ()
    build_log: tuple[str, ...] = ()
    error: str = ""
    undetected_edits: str = ""
