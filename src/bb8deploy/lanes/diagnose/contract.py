"""A diagnosis as its contract."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from bb8deploy.base.secret import MASK
from bb8deploy.lanes.diagnose.diagnose import Diagnosis
from bb8deploy.runs.run import Run
from bb8deploy.settings.settings_table import KEYS
from bb8deploy.settings.settings_type import Settings

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.diagnose import DiagnoseContract


def contract(run: Run, diagnosis: Diagnosis) -> DiagnoseContract:
    """The contract, secrets masked."""
    from bb8deploy.runs.contracts.diagnose import CheckModel, DiagnoseContract, SettingModel, TroubleModel

    base = run.contract_fields(version=diagnosis.version, passed=diagnosis.exit_code == 0)
    return DiagnoseContract(
        **base,
        target=run.settings.target,
        exit_code=diagnosis.exit_code,
        seconds=round(diagnosis.seconds, 3),
        checks=tuple(CheckModel(**asdict(check)) for check in diagnosis.checks),
        troubles=tuple(TroubleModel(**asdict(trouble)) for trouble in diagnosis.troubles),
        settings=tuple(SettingModel(**row) for row in settings_told(run.settings)),
    )


def settings_told(settings: Settings) -> list[dict[str, str]]:
    """What is set, where it comes from, and its value unless that is a secret."""
    return [
        {
            "name": key.name,
            "value": MASK if key.secret else settings.text_of(key),
            "origin": settings.origin_of(key),
        }
        for key in KEYS
        if settings.origin_of(key) != "default"
    ]
