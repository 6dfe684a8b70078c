"""The fields that every JSON contract has (CONTRACT version 1)."""

from __future__ import annotations

from typing import Literal, TypedDict

from pydantic import BaseModel, ConfigDict

from bb8deploy.base.findings import Finding


class FindingModel(BaseModel):
    """A finding as contracts carry it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str
    level: Literal["error", "warning", "note"]
    path: str = ""
    line: int | None = None
    message: str
    hint: str = ""

    @classmethod
    def of(cls, finding: Finding) -> FindingModel:
        """The finding without its column, which contracts do not carry."""
        return cls(
            code=finding.code,
            level=finding.level.value,
            path=finding.path,
            line=finding.line,
            message=finding.message,
            hint=finding.hint,
        )


class RunFields(TypedDict):
    """The fields of a contract that come from the run, for `Model(**fields, own=...)`."""

    run_id: str
    ts: str
    head_commit: str
    dirty: bool
    version: str
    verdict: Literal["PASS", "FAIL"]
    tokens: tuple[str, ...]
    findings: tuple[FindingModel, ...]


class Contract(BaseModel):
    """What each contract has about its run; a lane's own model adds its fields."""

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
