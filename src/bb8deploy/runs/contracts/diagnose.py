"""diagnose_contract_v1: every check with what was seen and what to do, known problems, settings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract


class CheckModel(BaseModel):
    """One thing that was looked at; `code` has a page, `seconds` is how long it took.

    `unreachable`: it failed because the other side gave no answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    subject: str
    name: str
    level: Literal["ok", "warn", "fail", "skipped"]
    seen: str
    remedy: str = ""
    code: str = ""
    seconds: float = 0.0
    unreachable: bool = False


class TroubleModel(BaseModel):
    """A known problem that was recognised; its name has a page."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    evidence: str
    remedy: str


class SettingModel(BaseModel):
    """A setting that is set; a secret's value reads `***`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    value: str
    origin: str


class DiagnoseContract(Contract):
    """A diagnosis. `verdict` is PASS if no check failed; `exit_code` is that of the command:

    0 nothing failed, 3 every failure is a missing answer, 1 anything else.
    """

    contract: Literal["diagnose_contract_v1"] = "diagnose_contract_v1"
    target: str
    exit_code: Literal[0, 1, 3]
    seconds: float
    checks: tuple[CheckModel, ...]
    troubles: tuple[TroubleModel, ...] = ()
    settings: tuple[SettingModel, ...] = ()
