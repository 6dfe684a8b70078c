"""The fields that every JSON contract has (CONTRACT version 1)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class FindingModel(BaseModel):
    """A finding as contracts carry it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str
    level: Literal["error", "warning", "note"]
    path: str = ""
    line: int | None = None
    message: str
    hint: str = ""


class Contract(BaseModel):
    """What each contract says of its run; a lane's own model adds its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    contract: str
    schema_version: Literal[1] = 1
    run_id: str
    ts: str
    head_commit: str
    dirty: bool
    version: str
    verdict: Literal["PASS", "FAIL"]
    tokens: tuple[str, ...]
    findings: tuple[FindingModel, ...] = ()
