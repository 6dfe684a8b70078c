"""Ties all lanes together: from a clean tree to a verified, attested, published and tagged version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, cast

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.machine import exclusive
from bb8deploy.catalogue.errors.broker import ATTEST_REQUIRED
from bb8deploy.catalogue.errors.release import RESUME_STALE, WORKSPACE_LOCKED
from bb8deploy.lanes.publish.publish import (
    PublishOptions,
    PublishOutcome,
    find_store,
    publish,
)
from bb8deploy.lanes.publish.source import read_source, require_commit, tag_locally
from bb8deploy.lanes.publish.survey import source_tree, survey
from bb8deploy.lanes.release import preflight
from bb8deploy.lanes.release.bump import SUBJECT, bump, planned
from bb8deploy.lanes.release.evidence import ECHO_FILES, TEST_REPORTS, keep_artifacts, keep_evidence
from bb8deploy.lanes.release.resume import Unfinished, forget_tokens, remember_tokens, still_done
from bb8deploy.plan import release as plan
from bb8deploy.plan.identity import Expected
from bb8deploy.plan.release import Do, Name
from bb8deploy.runs.journal import line_of
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g
from bb8deploy.workspace import remote as r
from bb8deploy.workspace.addon import read_addon

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.validate import TestsModel

ECHO_TOKENS = (Token.TELEMETRY_ATTEST_OK, Token.ECHO_WINDOW_10S_OK, Token.TELEMETRY_ARTIFACTS_EMITTED)
# These are handed their commit; the others take whatever files they find.
_OF_A_COMMIT = {Name.PUBLISH, Name.TAG}


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes that a release calls. `reach` asks host and broker whether they are there; `preview` gives
    lines that say what a sync would change on the host now. `validate` returns the results of the app's
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
    resume goes on from there; the others are those of publish.
    """

    require_attest: bool = False
    image: bool = False
    overwrite: bool = False
    sign: bool = False
    until: Name | None = None

    @property
    def local(self) -> bool:
        """Whether it ends before any host is touched."""
        return self.until in {Name.PREFLIGHT, Name.VALIDATE, Name.BUMP}


@dataclass(slots=True)
class Step:
    """What became of one step; `seconds` only where it ran."""

    name: Name
    state: str = "not reached"
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
    steps: list[Step] = field(default_factory=list)
    published: PublishOutcome | None = None
    report: str = ""


def release(run: Run, how: str, options: ReleaseOptions, lanes: Lanes) -> ReleaseOutcome:
    """Releases `patch`, `date` or a version. A version already released with this content is left alone.

    Each step is journalled, so that `continue_release` can go on after any end. Raises what the steps
    raise; a failure after the bump says what stays and how to go on.
    """
    with _alone(run):
        past = _past(run)
        today = datetime.now(UTC).date()
        wanted = plan.target(how, past, today)
        outcome = ReleaseOutcome(how, past.current, wanted.version, nothing=wanted.nothing)
        if wanted.nothing:
            run.progress.note(
                f"Nothing to release: {wanted.version} is tagged with this content. "
                "`bb8deploy deploy` puts it on a host, `bb8deploy publish` onto a repository."
            )
            return outcome
        if not run.dry_run:
            run.journal.write(
                "release",
                "started",
                how=how,
                version=wanted.version,
                from_version=past.current,
                bump=wanted.bump,
                target=run.settings.target,
                image=options.image,
                require_attest=options.require_attest,
                overwrite=options.overwrite,
                sign=options.sign,
            )
        return _carry_out(run, outcome, wanted.bump, options, lanes, resumed=False)


def continue_release(
    run: Run, past: Unfinished, lanes: Lanes, options: ReleaseOptions | None = None
) -> ReleaseOutcome:
    """Goes on where a release was stopped; `run` has its id and journal (see `resume.reopen`).

    What was asked for at its start still holds; `options` add to it.
    """
    with _alone(run):
        current = read_addon(run.addon).version
        if current not in {past.version, past.from_version}:
            raise RESUME_STALE(
                f"the workspace is at {current}, the unfinished release was about {past.version}"
            )
        more = options or ReleaseOptions()
        options = ReleaseOptions(
            require_attest=past.require_attest or more.require_attest,
            image=past.image or more.image,
            overwrite=past.overwrite or more.overwrite,
            sign=past.sign or more.sign,
            until=more.until,
        )
        outcome = ReleaseOutcome(past.how, past.from_version, past.version)
        return _carry_out(run, outcome, past.bump, options, lanes, resumed=True)


def _carry_out(
    run: Run,
    outcome: ReleaseOutcome,
    must_bump: bool,
    options: ReleaseOptions,
    lanes: Lanes,
    *,
    resumed: bool,
) -> ReleaseOutcome:
    remember_tokens(run)
    flow = _Flow(run, outcome, must_bump, options, lanes, resumed=resumed)
    try:
        flow.preflight()
        if run.dry_run:
            flow.show()
            return outcome
        flow.rest()
    except BaseException as error:
        if isinstance(error, Bb8Error) and not run.dry_run:
            error.details = (*error.details, *_what_stays(flow))
            run.ledger.drift("release", error.code, run.clean(error.cause))
        _finish(run, flow, str(error) if isinstance(error, Bb8Error) else type(error).__name__)
        raise
    if outcome.stopped:
        run.progress.note("Stopped as asked; `bb8deploy release --resume` goes on from here.")
    else:
        _finish(run, flow, "")
    return outcome


class _Flow:
    """One release under way: looks at the situation before each step and does what the plan says."""

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
        actions = {
            Name.VALIDATE: self._validate,
            Name.BUMP: self._bump,
            Name.DEPLOY: self._deploy,
            Name.ATTEST: self._attest,
            Name.PUBLISH: self._publish,
            Name.TAG: self._tag,
        }
        for name, action in actions.items():
            if not _within(name, self.options.until):
                self.outcome.stopped = True
                return
            self._do(name, action)

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
        """Takes back at once what a resume brought of steps that it must take again, should it end before."""
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
            self._row(name).state, self._row(name).why = "kept", step.why
            self._recall(self.kept[name])
        else:
            with self._step(name):
                action()

    @contextmanager
    def _step(self, name: Name) -> Iterator[None]:
        row, began = self._row(name), monotonic()
        row.state = "failed"
        forget_tokens(self.run, name)
        self.run.journal.write(f"{plan.PREFIX}{name}", "started")
        try:
            yield
            if name not in _OF_A_COMMIT:
                self._unmoved()
        finally:
            row.seconds = round(monotonic() - began, 3)
        self.run.journal.write(
            f"{plan.PREFIX}{name}", "done", commit=self.outcome.source_commit, **self._observed()
        )
        row.state = "done"

    def _observed(self) -> dict[str, object]:
        """What the steps hand on, for the journal: a resumed release recalls it."""
        tests = self.tests.model_dump() if self.tests else None
        return {"observed": self.deployed.facts() if self.deployed else {}, "tests": tests}

    def _recall(self, facts: Mapping[str, Any]) -> None:
        """Takes what a kept step had observed."""
        from bb8deploy.runs.contracts.validate import TestsModel

        self.deployed = Expected.of_facts(facts.get("observed")) or self.deployed
        self.tests = TestsModel.model_validate(tests) if (tests := facts.get("tests")) else self.tests

    def _unmoved(self) -> None:
        """Raises CheckFailed where HEAD left the commit that the steps are about: no other is published."""
        require_commit(self.run, g.resolve(self.run.workspace, "HEAD"), self.outcome.source_commit)

    def _skip(self, step: plan.Step) -> None:
        self._row(step.name).state, self._row(step.name).why = "skipped", step.why
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
            verified=self.deployed.tree if self.deployed else "",
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
            parent=_bumped_parent(run, self.outcome.source_commit, self.outcome.version),
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


def _past(run: Run) -> plan.Past:
    """What the repository, and without a tag here the remote, say of the current version."""
    current = read_addon(run.addon).version
    tree = g.resolve(run.workspace, f"HEAD:{g.prefix(run.addon).rstrip('/')}")
    if g.resolve(run.workspace, f"refs/tags/{current}"):
        same = g.folder_tree(run.workspace, run.addon, f"refs/tags/{current}") == tree
        return plan.Past(current, released=same and not g.head_state(run.workspace).dirty)
    if tree and _released_remotely(run, current, tree):
        return plan.Past(current, released=not g.head_state(run.workspace).dirty)
    head = g.read_commit(run.workspace, "HEAD") if g.resolve(run.workspace, "HEAD") else None
    subject = head.message.splitlines()[0] if head and head.message else ""
    return plan.Past(current, at_bump=subject == SUBJECT.format(version=current))


def _released_remotely(run: Run, version: str, tree: str) -> bool:
    """Whether the add-on repository has the version's tag on this content; a clone may lack the tag.

    A remote that does not answer is no news here: preflight says so with all other problems.
    """
    if not run.settings.ha_publish_remote:
        return False
    store = find_store(run)
    try:
        found = survey(store, version)
        return tree in {found.tag_tree, source_tree(store, found.tag_commit, run.addon)}
    except Bb8Error:
        return False


def _bumped_parent(run: Run, commit: str, version: str) -> str:
    """The commit before the bump, where `commit` is that bump."""
    head = g.read_commit(run.workspace, commit)
    is_bump = head.message.splitlines()[:1] == [SUBJECT.format(version=version)]
    return head.parents[0] if is_bump and head.parents else ""


def _kept_facts(run: Run) -> dict[str, dict[str, Any]]:
    done = still_done(run.journal)
    return {name: done[f"{plan.PREFIX}{name}"] for name in Name if f"{plan.PREFIX}{name}" in done}


def _what_stays(flow: _Flow) -> list[str]:
    """After a failure behind the bump: what is where now, and how to go on or back."""
    version, state = flow.outcome.version, {step.name: step.state for step in flow.outcome.steps}
    if Name.BUMP not in flow.kept and state[Name.BUMP] not in {"done", "skipped"}:
        return []
    where = {"done": "published", "failed": "not proven to be published"}.get(state[Name.PUBLISH])
    lines = [f"{version} is committed here, {where or 'neither published nor tagged'}."]
    if state[Name.DEPLOY] in {"done", "kept"}:
        lines.append(f"The host runs {version}, verified; `bb8deploy rollback` brings the earlier one back.")
    lines.append("Mend the cause, commit, and go on with `bb8deploy release --resume`.")
    if not where and _bumped_parent(flow.run, "HEAD", version):
        lines.append("To give the version up instead: `git reset --keep HEAD~1`.")
    return lines


def _finish(run: Run, flow: _Flow, error: str) -> None:
    """The release's contract, its evidence where it reached its end, and the page that tells it all."""
    if run.dry_run:
        return
    from bb8deploy.runs.contracts.release import ReleaseContract, StepModel

    outcome = flow.outcome
    states = Literal["done", "kept", "skipped", "failed", "not reached"]
    run.write_contract(
        ReleaseContract(
            **run.contract_base("release_contract_v1", version=outcome.version, passed=not error),
            how=outcome.how,
            target=run.settings.target,
            from_version=outcome.from_version,
            source_commit=outcome.source_commit,
            branch=g.branch(run.workspace),
            resumed=flow.resumed,
            steps=tuple(
                StepModel(name=s.name, state=cast("states", s.state), reason=s.why, seconds=s.seconds)
                for s in outcome.steps
            ),
            error=run.clean(error),
        )
    )
    if not error:
        keep_evidence(
            run,
            outcome.published or _unpublished(run, outcome),
            deployed=flow.deployed,
            parameters={"how": outcome.how, "version": outcome.version},
            closing=line_of("release", "done", version=outcome.version),
            sign=flow.options.sign,
        )
    outcome.report = _report(run)


def _unpublished(run: Run, outcome: ReleaseOutcome) -> PublishOutcome:
    """What a release that published nothing is about: its commit, not wherever HEAD is by now."""
    commit = outcome.source_commit
    return PublishOutcome(outcome.version, commit, g.folder_tree(run.workspace, run.addon, commit))


def _report(run: Run) -> str:
    """The page's path; a page that cannot be made takes nothing from what was done."""
    from bb8deploy.lanes.report.report import write_report

    try:
        return str(write_report(run.reports, run.id, secrets=run.settings.secrets()))
    except Bb8Error as error:
        run.progress.warn(f"the report was not written: {error.cause}")
        return ""


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """One release at a time in a workspace."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(run.workspace / "reports" / ".release.lock", wait=False))
        except BlockingIOError as error:
            raise WORKSPACE_LOCKED("another release is at work in this workspace") from error
        yield
