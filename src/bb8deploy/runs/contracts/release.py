"""release_contract_v1: the steps of a release, what each did, and where it ended."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract


class StepModel(BaseModel):
    """One step: `done` in this run, `kept` from before a resume, `skipped`, `failed` or not `reached`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    state: Literal["done", "kept", "skipped", "failed", "not reached"]
    reason: str = ""
    seconds: float | None = None


class ReleaseContract(Contract):
    """A whole release. `how` is what was asked for; the commits are git object ids."""

    contract: Literal["release_contract_v1"] = "release_contract_v1"
    how: str
    target: str
    from_version: str
    source_commit: str
    branch: str
    resumed: bool
    steps: tuple[StepModel, ...]
    error: str = ""
