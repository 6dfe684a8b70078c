"""Diagnoses several hosts at the same time, each with a contract of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.diagnose.contract import contract
from bb8deploy.lanes.diagnose.diagnose import Diagnosis, diagnose
from bb8deploy.lanes.rollout.host_runs import HostRuns
from bb8deploy.runs.run import Run, defect

Complete = Callable[[str, str], str]
AT_ONCE = 8
"""Hosts at a time: a diagnosis has deadlines, which a busy machine must not miss."""


@dataclass(frozen=True, slots=True)
class HostDiagnosis:
    """The diagnosis of one host with the path of its contract, or the error of reading its settings."""

    target: str
    diagnosis: Diagnosis | None = None
    contract: str = ""
    error: Bb8Error | None = None

    @property
    def exit_code(self) -> int:
        """That of the diagnosis, or of the error."""
        if self.diagnosis:
            return self.diagnosis.exit_code
        return self.error.exit_code if self.error else 0


def diagnose_hosts(run: Run, names: Sequence[str], complete: Complete) -> tuple[HostDiagnosis, ...]:
    """The diagnosis of each target's host, in the order of `names`; changes nothing.

    `complete` adds a target and the options of the run to the commands of a remedy.
    """
    runs = HostRuns(run)
    with ThreadPoolExecutor(min(AT_ONCE, len(names)), "bb8deploy-diagnose") as pool:
        return tuple(pool.map(lambda name: _one(runs, name, complete), names))


def _one(runs: HostRuns, name: str, complete: Complete) -> HostDiagnosis:
    own: Run | None = None
    try:
        own = runs.of(name)
        diagnosis = diagnose(own).completed(lambda text: complete(name, text))
        return HostDiagnosis(name, diagnosis, str(own.write_contract(contract(own, diagnosis))))
    except Exception as problem:  # noqa: BLE001 - one host's defect leaves the others their rows
        error = problem if isinstance(problem, Bb8Error) else defect(problem, own or runs.run)
        return HostDiagnosis(name, error=error)
