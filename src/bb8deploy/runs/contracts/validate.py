"""validate_contract_v1: what lane 1 checked, in which mode, and the results of the app's tests."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract


class TestsModel(BaseModel):
    """Counts as JUnit carries them; `coverage` in per cent of lines, null if it was not measured."""

    __test__ = False

    model_config = ConfigDict(extra="forbid", frozen=True)
    total: int
    failures: int
    errors: int
    skipped: int
    coverage: float | None
    threshold: float
    seconds: float


class ValidateContract(Contract):
    """What lane 1 observed. `rating` is the security rating, 1 to 8; `tests` is null if none were run."""

    contract: Literal["validate_contract_v1"] = "validate_contract_v1"
    mode: Literal["LOCAL_DEV", "PUBLISH"]
    profile: Literal["generic", "bb8"]
    rating: int | None = None
    structure_ok: bool
    manifest_ok: bool
    tests: TestsModel | None = None
    fixed: tuple[str, ...] = ()
