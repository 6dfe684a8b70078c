"""One release in progress: each step is done, kept or skipped by the plan, and recorded in the journal."""

from __future__ import annotations

from collections.abc import Sequence

from bb8deploy.catalogue.errors.broker import ATTEST_REQUIRED
from bb8deploy.lanes.publish.committed_source import read_source, require_commit, tag_locally
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.outgoing_tree_check import digest_here
from bb8deploy.lanes.publish.publish import publish
from bb8deploy.lanes.release import preflight
from bb8deploy.lanes.release.collect_evidence import ECHO_FILES, TEST_REPORTS, keep_artifacts
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions, ReleaseOutcome
from bb8deploy.lanes.release.resume_release import forget_tokens
from bb8deploy.lanes.release.step_states import Steps, finished_steps
from bb8deploy.lanes.release.unreleased_changes import bumped_parent
from bb8deploy.lanes.release.version_bump import bump, planned, possible_paths
from bb8deploy.plan.release import release_plan as plan
from bb8deploy.plan.release.release_plan import Do, Name
from bb8deploy.plan.release.release_states import State, reached, state_after, step_after
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.versions.publish_layout import publishing_of

NOTHING_TO_BUMP = "nothing to change: the commit has this version everywhere already"


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
        together: Sequence[Run] = (),
    ) -> None:
        self.run, self.outcome, self.options, self.lanes = run, outcome, options, lanes
        self.must_bump, self.resumed = must_bump, resumed
        self.together = tuple(together) or (run,)
        self.steps = Steps(run, outcome, finished_steps(run) if resumed else {})

    def preflight(self) -> None:
        """Looks at everything that the release depends on, before anything changes."""
        mid_bump = self.resumed and self.must_bump and Name.BUMP not in self.steps.kept
        asked = preflight.PreflightScope(
            self.outcome.version,
            self.options.overwrite,
            self.options.image,
            sign=self.options.sign,
            edited=tuple(path for run in self.together for path in possible_paths(run)) if mid_bump else (),
            released_with=tuple(run.addon for run in self.together),
            will_bump=self.must_bump and Name.BUMP not in self.steps.kept,
        )
        self.outcome.source_commit = g.resolve(self.run.workspace, "HEAD")
        with self.steps.running(Name.PREFLIGHT):
            preflight.check_workspace(self.run, asked)
            reach = [] if self.options.local else [lambda: self.lanes.reach(self.run)]
            preflight.check_surroundings(self.run, asked, reach)
            if not self.options.local:
                self._attestable()

    def rest(self) -> None:
        """Every step after preflight, up to the one that was asked for."""
        self.begin()
        state = State.CHECKED
        while step := step_after(state):
            if not within(step, self.options.until):
                self.outcome.stopped = True
                return
            self.take(step)
            state = state_after(step)

    def begin(self) -> None:
        """Drops the tokens of every step that must run again, in case the resume fails before it."""
        for step in plan.steps(self._situation()):
            if step.do is Do.RUN:
                forget_tokens(self.run, step.name)
        if self.resumed:
            passed = {step.name for step in plan.steps(self._situation()) if step.do is not Do.RUN}
            state = reached({*passed, Name.PREFLIGHT})
            self.run.progress.note(f"{self.outcome.version} is {state}; the release resumes from there.")

    def take(self, name: Name) -> None:
        """Takes a step if it is due."""
        actions = {
            Name.VALIDATE: self._validate,
            Name.BUMP: self._bump,
            Name.DEPLOY: self._deploy,
            Name.ATTEST: self._attest,
            Name.PUBLISH: self._publish,
            Name.TAG: self._tag,
        }
        if self.due(name):
            with self.steps.running(name):
                actions[name]()

    def due(self, name: Name) -> bool:
        """Whether a step must run now; one that need not is kept or skipped, with its tokens.

        Raises CheckFailed if HEAD is no longer the commit that is being released.
        """
        if not self.outcome.published:  # by then the commit is out with its tag, whatever came after it
            self.steps.require_head()
        step = next(s for s in plan.steps(self._situation()) if s.name is name)
        if step.do is Do.SKIP:
            self.steps.skip(step)
        elif step.do is Do.KEEP:
            self.steps.keep(step)
        return step.do is Do.RUN

    def require_bumped(self, made: str) -> None:
        """Takes the bump commit. Raises CheckFailed if another commit is between it and the validated one."""
        before = self.outcome.source_commit
        if made != before:
            parents = g.read_commit(self.run.workspace, made).parents
            require_commit(self.run, parents[0] if parents else made, before)
        self.outcome.source_commit = made

    def wanted(self) -> PublishOptions:
        """What is to be published: this very commit, with the tree that was verified."""
        deployed = self.steps.deployed
        return PublishOptions(
            overwrite=self.options.overwrite,
            image=self.options.image,
            commit=self.outcome.source_commit,
            verified=deployed.tree if deployed else digest_here(self.run),
        )

    def show(self) -> None:
        """The plan of a dry run, with each step's commands."""
        for step in plan.steps(self._situation()):
            row = self.steps.row(step.name)
            row.state, row.why, row.commands = step.do.value, step.why, step.commands
            if not within(step.name, self.options.until):
                row.state, row.why = "left out", f"--until {self.options.until}"
        if self.must_bump:
            paths = planned(self.run, self.outcome.version)
            row = self.steps.row(Name.BUMP)
            edits = tuple(f"edit {path}" for path in paths)
            row.commands = (*edits, *row.commands[1:]) if edits else (NOTHING_TO_BUMP,)
        if not self.options.local:
            row = self.steps.row(Name.DEPLOY)
            row.commands = (*self.lanes.preview(self.run), *row.commands)

    def _validate(self) -> None:
        self.steps.tests = self.lanes.validate(self.run)
        if Token.TESTS_OK in self.run.ledger.held():
            keep_artifacts(self.run, TEST_REPORTS)

    def _bump(self) -> None:
        self.require_bumped(
            bump(self.run, self.outcome.version, from_version=self.outcome.from_version).commit
        )

    def _deploy(self) -> None:
        g.require_clean(self.run.workspace)  # the host gets the files, the remote the commit
        self.steps.deployed = self.lanes.deploy(self.run)

    def _attest(self) -> None:
        self.lanes.attest(self.run, self.steps.deployed, self.steps.tests)
        keep_artifacts(self.run, ECHO_FILES)

    def _publish(self) -> None:
        self.outcome.published = publish(self.run, self.wanted())

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
        info, how = read_addon(run.addon), publishing_of(run.workspace, run.addon, run.settings)
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
            tag=how.tags.of(self.outcome.version),
            named=how.named(self.outcome.version),
            in_store=how.in_store,
            done={name: step.commit for name, step in self.steps.kept.items()},
        )


def within(name: Name, until: Name | None) -> bool:
    """Whether a step is taken by a release that ends with `until`."""
    order = list(Name)
    return until is None or order.index(name) <= order.index(until)
