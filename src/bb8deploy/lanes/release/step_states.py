"""The steps of one release: their states in the outcome, and their lines in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from bb8deploy.lanes.publish.committed_source import require_commit
from bb8deploy.lanes.release.outcome import ReleaseOutcome, ReleaseStep
from bb8deploy.lanes.release.resume_release import forget_tokens, still_done
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.plan.release import release_plan as plan
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.plan.release.release_states import Event, StepState, move
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.validate import TestsModel

ECHO_TOKENS = (Token.TELEMETRY_ATTEST_OK, Token.ECHO_WINDOW_10S_OK, Token.TELEMETRY_ARTIFACTS_EMITTED)
# These are handed their commit; the others take whatever files they find.
_OF_A_COMMIT = {Name.PUBLISH, Name.TAG}


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """What the journal of an earlier run has about a step that it finished."""

    commit: str
    deployed: Expected | None = None
    tests: TestsModel | None = None


@dataclass(slots=True)
class Steps:
    """Moves each step from state to state. `kept` are the steps that an earlier run finished;
    `deployed` and `tests` are what the steps hand to each other, in this run or by those facts.
    """

    run: Run
    outcome: ReleaseOutcome
    kept: dict[str, FinishedStep]
    deployed: Expected | None = None
    tests: TestsModel | None = None

    def __post_init__(self) -> None:
        self.outcome.steps[:] = [ReleaseStep(name) for name in Name]

    def row(self, name: Name) -> ReleaseStep:
        """The step as the outcome shows it."""
        return next(step for step in self.outcome.steps if step.name is name)

    @contextmanager
    def running(self, name: Name) -> Iterator[None]:
        """Journals a step that runs now. Raises CheckFailed if HEAD moved meanwhile."""
        row, began = self.row(name), monotonic()
        self._change(name, Event.START)
        try:
            forget_tokens(self.run, name)
            self.run.journal.write(f"{plan.PREFIX}{name}", "started")
            yield
            if name not in _OF_A_COMMIT:
                self.require_head()
            row.seconds = round(monotonic() - began, 3)
            facts = self._observed()
            self.run.journal.write(f"{plan.PREFIX}{name}", "done", commit=self.outcome.source_commit, **facts)
        except BaseException:
            row.seconds = round(monotonic() - began, 3)
            self._change(name, Event.FAIL)
            raise
        self._change(name, Event.FINISH)

    def keep(self, step: plan.PlannedStep) -> None:
        """Takes what a step had observed in an earlier run."""
        self._change(step.name, Event.KEEP, step.why)
        kept = self.kept[step.name]
        self.deployed = kept.deployed or self.deployed
        self.tests = kept.tests or self.tests

    def skip(self, step: plan.PlannedStep) -> None:
        """Skips a step and its tokens."""
        self._change(step.name, Event.SKIP, step.why)
        tokens: Sequence[Token] = ()
        if step.name is Name.ATTEST:
            tokens = ECHO_TOKENS
        elif step.name is Name.PUBLISH:
            tokens = (Token.SUBTREE_PUBLISH_OK, Token.TAG_OK)
        for token in tokens:
            self.run.ledger.skip(token, step.why)

    def require_head(self) -> None:
        """Raises CheckFailed if HEAD is no longer the commit that is being released."""
        require_commit(self.run, g.resolve(self.run.workspace, "HEAD"), self.outcome.source_commit)

    def _change(self, name: Name, event: Event, why: str = "") -> None:
        """Moves a step to its next state; no other part of a release sets one."""
        row = self.row(name)
        row.state, row.why = move(StepState(row.state), event), why

    def _observed(self) -> dict[str, object]:
        """What the steps hand on, for the journal: a resumed release recalls it."""
        tests = self.tests.model_dump() if self.tests else None
        return {"observed": self.deployed.facts() if self.deployed else {}, "tests": tests}


def finished_steps(run: Run) -> dict[str, FinishedStep]:
    """The steps that this run's journal has as finished."""
    from bb8deploy.runs.contracts.validate import TestsModel

    done, found = still_done(run.journal), {}
    for name in Name:
        if (facts := done.get(f"{plan.PREFIX}{name}")) is not None:
            tests = TestsModel.model_validate(facts["tests"]) if facts.get("tests") else None
            commit, deployed = str(facts.get("commit", "")), Expected.of_facts(facts.get("observed"))
            found[str(name)] = FinishedStep(commit, deployed, tests)
    return found
