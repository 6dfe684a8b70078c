"""What a release is asked for, the lanes that it calls, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bb8deploy.lanes.publish.outcome import PublishOutcome
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.plan.release.release_states import StepState
from bb8deploy.runs.run import Run
from bb8deploy.workspace.versions.version_numbers import Pre

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.validate import TestsModel


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes that a release calls. `reach` asks host and broker whether they are there; `preview` gives
    lines with what a sync would change on the host now. `validate` returns the results of the app's
    tests, None if there are none; `deploy` what runs now, None if that is not proven; `attest` takes both.
    """

    reach: Callable[[Run], None]
    preview: Callable[[Run], Sequence[str]]
    validate: Callable[[Run], TestsModel | None]
    deploy: Callable[[Run], Expected | None]
    attest: Callable[[Run, Expected | None, TestsModel | None], None]


@dataclass(frozen=True, slots=True)
class ReleaseOptions:
    """`require_attest` makes a skipped attestation a failure; `until` names the last step to take, and a
    resume continues from there; `pre` asks for a pre-release; the others are those of publish.
    """

    require_attest: bool = False
    image: bool = False
    overwrite: bool = False
    sign: bool = False
    until: Name | None = None
    pre: Pre | None = None

    @property
    def local(self) -> bool:
        """Whether it ends before any host is touched."""
        return self.until in {Name.PREFLIGHT, Name.VALIDATE, Name.BUMP}


@dataclass(slots=True)
class ReleaseStep:
    """What became of one step: a StepState, or the words of a dry run. `seconds` is set if it ran."""

    name: Name
    state: str = StepState.WAITING
    why: str = ""
    seconds: float | None = None
    commands: tuple[str, ...] = ()


@dataclass(slots=True)
class ReleaseOutcome:
    """The whole release. `nothing`: the version was released before, and nothing was done; `stopped`: it
    ended early because it was asked to. `source_commit` is the one that the steps are about, the bump's as
    soon as there is one. `report` is the path of its page.
    """

    how: str
    from_version: str
    version: str
    source_commit: str = ""
    nothing: bool = False
    stopped: bool = False
    steps: list[ReleaseStep] = field(default_factory=list)
    published: PublishOutcome | None = None
    report: str = ""
