"""The conditions that the Supervisor checks before a job, and its words when one does not hold."""

from __future__ import annotations

from typing import Literal

from ha_sandbox.situations import Faults, Situation
from ha_sandbox.supervisor.api_errors import ApiError

Method = Literal["StoreManager.reload", "AppManager.install", "AppManager.update", "AppManager.rebuild"]

# Source: `conditions` of the jobs in supervisor/apps/manager.py and supervisor/store/__init__.py, in the
# order in which supervisor/jobs/decorator.py checks them (2026.08).
_BUILD = (Situation.UNHEALTHY_SETUP, Situation.LOW_DISK_SPACE, Situation.NO_INTERNET)
_CONDITIONS: dict[Method, tuple[Situation, ...]] = {
    "StoreManager.reload": (Situation.UPDATE_PENDING,),
    "AppManager.install": (*_BUILD, Situation.UPDATE_PENDING),
    "AppManager.update": (*_BUILD, Situation.UPDATE_PENDING),
    "AppManager.rebuild": _BUILD,
}
_WHY = {
    Situation.UNHEALTHY_SETUP: "system is not healthy - setup",
    Situation.LOW_DISK_SPACE: "not enough free space (1.1GB) left on the device",
    Situation.NO_INTERNET: "no host internet connection",
    Situation.UPDATE_PENDING: "supervisor needs to be updated first",
}


def check_conditions(method: Method, faults: Faults) -> None:
    """Raises ApiError if a situation in force blocks `method`."""
    for situation in _CONDITIONS[method]:
        if situation in faults:
            raise ApiError(f"'{method}' blocked from execution, {_WHY[situation]}")
