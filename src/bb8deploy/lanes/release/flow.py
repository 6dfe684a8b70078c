"""One release in progress: each step is done, kept or skipped as the plan says, and journalled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, cast

from bb8deploy.base.payload import JsonObject
from bb8deploy.catalogue.errors.broker import ATTEST_REQUIRED
from bb8deploy.lanes.publish.outgoing import digest_here
from bb8deploy.lanes.publish.publish import PublishOptions, publish
from bb8deploy.lanes.publish.source import read_source, require_commit, tag_locally
from bb8deploy.lanes.release import preflight
from bb8deploy.lanes.release.bump import bump, planned
from bb8deploy.lanes.release.evidence import ECHO_FILES, TEST_REPORTS, keep_artifacts
from bb8deploy.lanes.release.resume import forget_tokens, still_done
from bb8deploy.plan.logs.identity import Expected
from bb8deploy.plan.release import release as plan
from bb8deploy.plan.release.release import Do, Name
from bb8deploy.plan.release.states import (
    Event,
    State,
    StepState,
    move,
    reached,
    state_after,
    step_after,
)
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g
from bb8deploy.workspace import remote as r
from bb8deploy.workspace.addon import read_addon

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.validate import TestsModel

from bb8deploy.lanes.release.history import bumped_parent
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions, ReleaseOutcome, Step

ECHO_TOKENS = (Token.TELEMETRY_ATTEST_OK, Token.ECHO_WINDOW_10S_OK, Token.TELEMETRY_ARTIFACTS_EMITTED)
# These are handed their commit; the others take whatever files they find.
_OF_A_COMMIT = {Name.PUBLISH, Name.TAG}


class Flow:
    """One release in progress: asks the plan before each step, then runs, keeps or skips it."""

    def __init__(
        self,
        run: Run,
        outcome: ReleaseOutcome,
        must_bump: bool,
        options: ReleaseOptions,
        lanes: Lanes,
        *,
        resumed: bool,
    ) -> None:
        self.run, self.outcome, self.options, self.lanes = run, outcome, options, lanes
        self.must_bump, self.resumed = must_bump, resumed
        self.kept = _kept_facts(run) if resumed else {}
        self.deployed, self.tests = cast("Expected | None", None), cast("TestsModel | None", None)
        outcome.steps[:] = [Step(name) for name in Name]

    def preflight(self) -> None:
        """Looks at everything that the release depends on, before anything changes."""
        mid_bump = self.resumed and self.must_bump and Name.BUMP not in self.kept
        asked = preflight.Asked(
            self.outcome.version,
            self.options.overwrite,
            self.options.image,
            sign=self.options.sign,
            resuming_bump=mid_bump,
        )
        self.outcome.source_commit = g.resolve(self.run.workspace, "HEAD")
        with self._step(Name.PREFLIGHT):
            preflight.check_workspace(self.run, asked)
            reach = [] if self.options.local else [lambda: self.lanes.reach(self.run)]
            preflight.check_surroundings(self.run, asked, reach)
            if not self.options.local:
                self._attestable()

    def rest(self) -> None:
        """Every step after preflight, up to the one that was asked for."""
        self._forget_what_is_due()
        if self.resumed:
            passed = {step.name for step in plan.steps(self._situation()) if step.do is not Do.RUN}
            state = reached({*passed, Name.PREFLIGHT})
            self.run.progress.note(f"{self.outcome.version} is {state}; the release resumes from there.")
        actions = {
            Name.VALIDATE: self._validate,
            Name.BUMP: self._bump,
            Name.DEPLOY: self._deploy,
            Name.ATTEST: self._attest,
            Name.PUBLISH: self._publish,
            Name.TAG: self._tag,
        }
        state = State.CHECKED
        while step := step_after(state):
            if not _within(step, self.options.until):
                self.outcome.stopped = True
                return
            self._do(step, actions[step])
            state = state_after(step)

    def show(self) -> None:
        """The plan of a dry run, with each step's commands."""
        for step in plan.steps(self._situation()):
            row = self._row(step.name)
            row.state, row.why, row.commands = step.do.value, step.why, step.commands
            if not _within(step.name, self.options.until):
                row.state, row.why = "left out", f"--until {self.options.until}"
        if self.must_bump:
            paths = planned(self.run, self.outcome.version)
            row = self._row(Name.BUMP)
            row.commands = (*(f"edit {path}" for path in paths), *row.commands[1:])
        if not self.options.local:
            row = self._row(Name.DEPLOY)
            row.commands = (*self.lanes.preview(self.run), *row.commands)

    def _forget_what_is_due(self) -> None:
        """Drops the tokens of every step that must run again, in case the resume fails before it."""
        for step in plan.steps(self._situation()):
            if step.do is Do.RUN:
                forget_tokens(self.run, step.name)

    def _do(self, name: Name, action: Callable[[], None]) -> None:
        if not self.outcome.published:  # by then the commit is out with its tag, whatever came after it
            self._unmoved()
        step = next(s for s in plan.steps(self._situation()) if s.name is name)
        if step.do is Do.SKIP:
            self._skip(step)
        elif step.do is Do.KEEP:
            self._change(name, Event.KEEP, step.why)
            self._recall(self.kept[name])
        else:
            with self._step(name):
                action()

    @contextmanager
    def _step(self, name: Name) -> Iterator[None]:
        row, began = self._row(name), monotonic()
        self._change(name, Event.START)
        forget_tokens(self.run, name)
        self.run.journal.write(f"{plan.PREFIX}{name}", "started")
        try:
            yield
            if name not in _OF_A_COMMIT:
                self._unmoved()
            row.seconds = round(monotonic() - began, 3)
            facts = self._observed()
            self.run.journal.write(f"{plan.PREFIX}{name}", "done", commit=self.outcome.source_commit, **facts)
        except BaseException:
            row.seconds = round(monotonic() - began, 3)
            self._change(name, Event.FAIL)
            raise
        self._change(name, Event.FINISH)

    def _change(self, name: Name, event: Event, why: str = "") -> None:
        """Moves a step to its next state; no other part of a release sets one."""
        row = self._row(name)
        row.state, row.why = move(StepState(row.state), event), why

    def _observed(self) -> dict[str, object]:
        """What the steps hand on, for the journal: a resumed release recalls it."""
        tests = self.tests.model_dump() if self.tests else None
        return {"observed": self.deployed.facts() if self.deployed else {}, "tests": tests}

    def _recall(self, facts: JsonObject) -> None:
        """Takes what a kept step had observed."""
        from bb8deploy.runs.contracts.validate import TestsModel

        self.deployed = Expected.of_facts(facts.get("observed")) or self.deployed
        self.tests = TestsModel.model_validate(tests) if (tests := facts.get("tests")) else self.tests

    def _unmoved(self) -> None:
        """Raises CheckFailed if HEAD is no longer the commit that is being released."""
        require_commit(self.run, g.resolve(self.run.workspace, "HEAD"), self.outcome.source_commit)

    def _skip(self, step: plan.Step) -> None:
        self._change(step.name, Event.SKIP, step.why)
        tokens: Sequence[Token] = ()
        if step.name is Name.ATTEST:
            tokens = ECHO_TOKENS
        elif step.name is Name.PUBLISH:
            tokens = (Token.SUBTREE_PUBLISH_OK, Token.TAG_OK)
        for token in tokens:
            self.run.ledger.skip(token, step.why)

    def _validate(self) -> None:
        self.tests = self.lanes.validate(self.run)
        if Token.TESTS_OK in self.run.ledger.held():
            keep_artifacts(self.run, TEST_REPORTS)

    def _bump(self) -> None:
        before = self.outcome.source_commit
        made = bump(self.run, self.outcome.version, from_version=self.outcome.from_version).commit
        if made != before:  # nothing but the bump may lie between what was validated and what is deployed
            parents = g.read_commit(self.run.workspace, made).parents
            require_commit(self.run, parents[0] if parents else made, before)
        self.outcome.source_commit = made

    def _deploy(self) -> None:
        g.require_clean(self.run.workspace)  # the host gets the files, the remote the commit
        self.deployed = self.lanes.deploy(self.run)

    def _attest(self) -> None:
        self.lanes.attest(self.run, self.deployed, self.tests)
        keep_artifacts(self.run, ECHO_FILES)

    def _publish(self) -> None:
        commit = self.outcome.source_commit
        wanted = PublishOptions(
            overwrite=self.options.overwrite,
            image=self.options.image,
            commit=commit,
            verified=self.deployed.tree if self.deployed else digest_here(self.run),
        )
        self.outcome.published = publish(self.run, wanted)

    def _tag(self) -> None:
        if self.outcome.published:
            return  # publish has tagged here what it read back there
        source = read_source(self.run)
        require_commit(self.run, source.commit.sha, self.outcome.source_commit)
        tag_locally(self.run, source)

    def _attestable(self) -> None:
        why = plan.no_attest(self._situation())
        if why and self.options.require_attest:
            raise ATTEST_REQUIRED(f"the echo cannot be attested, and --require-attest asks for it: {why}")

    def _situation(self) -> plan.Situation:
        run, settings = self.run, self.run.settings
        info = read_addon(run.addon)
        return plan.Situation(
            version=self.outcome.version,
            head=self.outcome.source_commit,
            parent=bumped_parent(run, self.outcome.source_commit, self.outcome.version),
            bump=self.must_bump,
            host=settings.ssh.host_alias or str(settings.ha_mount or ""),
            broker=settings.mqtt.host or "",
            echo=info.echo,
            remote=r.shown(settings.ha_publish_remote or ""),
            branch=settings.ha_publish_branch,
            image=(self.options.image and settings.ha_image) or "",
            addon=run.addon.name,
            done=self.kept,
        )

    def _row(self, name: Name) -> Step:
        return next(step for step in self.outcome.steps if step.name is name)


def _within(name: Name, until: Name | None) -> bool:
    order = list(Name)
    return until is None or order.index(name) <= order.index(until)


def _kept_facts(run: Run) -> dict[str, JsonObject]:
    done = still_done(run.journal)
    return {name: done[f"{plan.PREFIX}{name}"] for name in Name if f"{plan.PREFIX}{name}" in done}
