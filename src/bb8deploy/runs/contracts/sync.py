"""sync_contract_v1: the plan that a sync carried out, what it cost, and the digests before and after."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract


class PlanModel(BaseModel):
    """Paths by what had to happen to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class ConnectionModel(BaseModel):
    """What the connection had cost when the sync ended; `round_trips` are waits for an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    connections: int
    channels: int
    round_trips: int
    bytes_out: int
    bytes_in: int


class SyncContract(Contract):
    """What lane 2 did and observed."""

    contract: Literal["sync_contract_v1"] = "sync_contract_v1"
    route: Literal["ssh", "mount", "rsync"]
    where: str
    plan: PlanModel = PlanModel()
    files: int = 0
    bytes: int = 0
    digest_before: str = ""
    digest_after: str = ""
    tree: str = ""
    stamp_run: str = ""
    connection: ConnectionModel | None = None
