"""rollout_contract_v1: a command for several hosts, with one entry for each of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract


class HostModel(BaseModel):
    """One host. `result` is `done`, `planned`, `not started` or an error code; `cause` has its words.

    `wave` counts from 1 and is 0 for a host that was not started; `earlier_run` had done this host before a
    resume. `reports` is the folder of its receipts and runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    target: str
    result: str
    exit_code: int
    version: str = ""
    tree: str = ""
    proof: str = ""
    action: str = ""
    tokens: tuple[str, ...] = ()
    wave: int = 0
    seconds: float = 0.0
    earlier_run: str = ""
    reports: str = ""
    cause: str = ""
    remedy: str = ""


class RolloutContract(Contract):
    """A whole rollout: its pace, why it `stopped` before the last host, and every host."""

    contract: Literal["rollout_contract_v1"] = "rollout_contract_v1"
    command: str
    group: str
    canary: int
    wave: int
    max_failures: int
    pause: float
    stopped: str
    hosts: tuple[HostModel, ...]
