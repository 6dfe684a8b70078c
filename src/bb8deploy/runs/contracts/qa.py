"""qa_report_contract_v1 and the metrics summary of an echo attestation (STP5)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract
from bb8deploy.runs.contracts.validate import TestsModel


class CriteriaModel(BaseModel):
    """What the attestation asks for; `ble_requirement_met` is null if no robot was required."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    window_ge_10s: bool
    min_echoes_ge_3: bool
    rtt_p95_le_250ms: bool
    ble_requirement_met: bool | None


class MetricsModel(BaseModel):
    """metrics_summary.json: round trips in milliseconds by the sender's monotonic clock, null without any."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    window_start_utc: str
    window_end_utc: str
    window_duration_sec: float
    sent: int
    echo_count: int
    lost: int
    duplicates: int
    echo_rtt_ms_mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    ble_ok_count: int
    criteria: CriteriaModel
    verdict: bool


class EchoesModel(BaseModel):
    """How many echoes were sent, answered, lost, answered twice."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sent: int
    answered: int
    lost: int
    duplicates: int


class DiscoveryModel(BaseModel):
    """The app's retained discovery messages that the broker held, by topic."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    seen: bool
    topics: tuple[str, ...]


class QaContract(Contract):
    """An attested version: the figures of the echo window, and of this run's tests if there were any.

    `identity` is what the app on the broker reports, empty if it reports nothing.
    """

    contract: Literal["qa_report_contract_v1"] = "qa_report_contract_v1"
    coverage: float | None
    tests: TestsModel | None
    echoes: EchoesModel
    discovery: DiscoveryModel
    telemetry: MetricsModel
    criteria: CriteriaModel
    identity: dict[str, str]
    tag: str
