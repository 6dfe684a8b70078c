"""How each host of a rollout ended, and the exit code of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.errors import Bb8Error

DONE, PLANNED, NOT_STARTED = "done", "planned", "not started"
# From best to worst: the exit code of several hosts is the worst one.
_GRAVITY = (0, 1, 5, 3, 2, 4, 130)


@dataclass(frozen=True, slots=True)
class HostWork:
    """What was done on a host, or would be: `preview` has the plan of a dry run."""

    version: str
    tree: str = ""
    action: str = ""
    planned: bool = False
    preview: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetResult:
    """How one target ended: `result` is `done`, `planned`, `not started` or the code of `error`.

    `wave` counts from 1, and is 0 for a target that was not started. `earlier` is the run that had done this
    target before a resume; this run has not looked at it, so it has no tokens. `proof` is the level at which
    this run verified it, empty if it did not.
    """

    name: str
    result: str
    exit_code: int
    version: str = ""
    tree: str = ""
    proof: str = ""
    action: str = ""
    tokens: tuple[str, ...] = ()
    reports: Path = Path()
    preview: tuple[str, ...] = ()
    error: Bb8Error | None = None
    wave: int = 0
    seconds: float = 0.0
    earlier: str = ""

    @property
    def in_words(self) -> str:
        """The result for a table."""
        return "done earlier" if self.earlier else self.result


def worst(rows: Iterable[TargetResult]) -> int:
    """The worst exit code of the rows."""
    return max((row.exit_code for row in rows), key=_GRAVITY.index, default=0)
