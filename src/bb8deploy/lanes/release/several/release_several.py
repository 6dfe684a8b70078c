"""One release of several apps: the lanes for each, one commit for all, one push with every tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.publish.publish import publish_together
from bb8deploy.lanes.release.finish_release import continuation_lines, finish, write_contract
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions, ReleaseOutcome, ReleaseStep
from bb8deploy.lanes.release.release import alone, options_of
from bb8deploy.lanes.release.resume_release import Unfinished, remember_tokens
from bb8deploy.lanes.release.run_steps import Flow, within
from bb8deploy.lanes.release.several.select_apps import (
    Member,
    changed_members,
    gather,
    naming,
    unfinished_members,
)
from bb8deploy.lanes.release.version_bump import BumpTask, bump_together
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.plan.release.release_states import StepState
from bb8deploy.runs.run import Run

_NOTHING = "Nothing to release: every app of the store is tagged with its content."
# The state of a step for all apps: the first of these that one of them is in.
_WORST = (StepState.FAILED, StepState.WAITING, StepState.DONE, StepState.KEPT, StepState.SKIPPED)


@dataclass(slots=True)
class SeveralOutcome:
    """The release of several apps, in the order of their folders; `nothing`: no app had changed."""

    how: str
    members: list[Member] = field(default_factory=list)
    stopped: bool = False

    @property
    def nothing(self) -> bool:
        """Whether no app had changed."""
        return not self.members

    @property
    def versions(self) -> str:
        """The apps with their versions."""
        return ", ".join(member.named for member in self.members)


def release_changed(run: Run, how: str, options: ReleaseOptions, lanes: Lanes) -> SeveralOutcome:
    """Releases every app of the store that changed since its tag.

    Each app is validated, deployed and verified by itself. One commit bumps all of them; only when all are
    verified, one atomic push publishes that commit with a tag for each. Raises what the steps raise.
    """
    with alone(run):
        outcome = SeveralOutcome(how, changed_members(run, how, options))
        if outcome.nothing:
            run.progress.note(_NOTHING)
            return outcome
        run.progress.note(f"Releasing {outcome.versions}.")
        if not run.dry_run:
            _begin_journals(run, outcome, options)
        return _carry_out(run, outcome, options, lanes, resumed=False)


def continue_changed(
    run: Run, past: Unfinished, lanes: Lanes, options: ReleaseOptions | None = None
) -> SeveralOutcome:
    """Continues where a release of several apps was stopped; `run` has its id and journal."""
    with alone(run):
        outcome = SeveralOutcome(past.how, unfinished_members(run, past))
        return _carry_out(run, outcome, options_of(past, options), lanes, resumed=True)


def _begin_journals(run: Run, outcome: SeveralOutcome, options: ReleaseOptions) -> None:
    about = {
        "how": outcome.how,
        "target": run.settings.target,
        "image": options.image,
        "require_attest": options.require_attest,
        "overwrite": options.overwrite,
        "sign": options.sign,
    }
    apps = [member.facts() for member in outcome.members]
    for member, facts in zip(outcome.members, apps, strict=True):
        member.run.journal.write("release", "started", **about, **facts)
    run.journal.write("release", "started", **about, version="", from_version="", bump=True, apps=apps)


def _carry_out(
    run: Run, outcome: SeveralOutcome, options: ReleaseOptions, lanes: Lanes, *, resumed: bool
) -> SeveralOutcome:
    if not run.dry_run:
        gather(run, outcome.members)
    runs = [member.run for member in outcome.members]
    for own in runs:
        remember_tokens(own)
    flows = [
        Flow(member.run, member.outcome, member.bump, options, lanes, resumed=resumed, together=runs)
        for member in outcome.members
    ]
    try:
        for flow in flows:
            with naming(flow.run.addon):
                flow.preflight()
        if run.dry_run:
            for flow in flows:
                flow.show()
            return outcome
        outcome.stopped = not _steps(flows, options.until)
    except BaseException as error:
        _failed(run, outcome, flows, error)
        raise
    if outcome.stopped:
        run.progress.note("Stopped as requested; `bb8deploy release --resume` continues from here.")
        return outcome
    for flow in flows:
        finish(flow.run, flow, "")
    _write_whole(run, outcome, resumed=resumed, error="")
    run.journal.write("release", "done", version=outcome.versions)
    return outcome


def _steps(flows: Sequence[Flow], until: Name | None) -> bool:
    """Takes each step for every app before the next one; False if it ended early as asked."""
    for flow in flows:
        flow.begin()
    for name in Name:
        if name is Name.PREFLIGHT:
            continue
        if not within(name, until):
            return False
        if name is Name.BUMP:
            _bump(flows)
        elif name is Name.PUBLISH:
            _publish(flows)
        else:
            for flow in flows:
                with naming(flow.run.addon):
                    flow.take(name)
    return True


@contextmanager
def _running(flows: Sequence[Flow], name: Name) -> Iterator[None]:
    """Journals the step in each app's run; it ends the same way for all of them."""
    with ExitStack() as steps:
        for flow in flows:
            steps.enter_context(flow.steps.running(name))
        yield


def _bump(flows: Sequence[Flow]) -> None:
    """One commit for all apps; those whose bump is kept or not needed take it as well."""
    due = [flow for flow in flows if flow.due(Name.BUMP)]
    if not due:
        return
    with _running(due, Name.BUMP):
        tasks = [BumpTask(flow.run, flow.outcome.version, flow.outcome.from_version) for flow in due]
        commit = bump_together(tasks)[0].commit
        for flow in flows:
            flow.require_bumped(commit)


def _publish(flows: Sequence[Flow]) -> None:
    """One push for all apps that are not published yet."""
    due = [flow for flow in flows if flow.due(Name.PUBLISH)]
    if not due:
        return
    with _running(due, Name.PUBLISH):
        published = publish_together([(flow.run, flow.wanted()) for flow in due])
        for flow, one in zip(due, published, strict=True):
            flow.outcome.published = one


def _failed(run: Run, outcome: SeveralOutcome, flows: Sequence[Flow], error: BaseException) -> None:
    """Records the end in every app's run, and adds to the error how to go on."""
    if run.dry_run:
        return
    said = str(error) if isinstance(error, Bb8Error) else type(error).__name__
    if isinstance(error, Bb8Error):
        error.details = (*error.details, *_continuation_lines(flows))
        for flow in flows:
            flow.run.ledger.drift("release", error.code, run.clean(error.cause))
    for flow in flows:
        finish(flow.run, flow, said)
    _write_whole(run, outcome, resumed=flows[0].resumed, error=said)


def _continuation_lines(flows: Sequence[Flow]) -> list[str]:
    """The lines of all apps, each once."""
    lines = [line for flow in flows for line in continuation_lines(flow)]
    return list(dict.fromkeys(lines))


def _write_whole(run: Run, outcome: SeveralOutcome, *, resumed: bool, error: str) -> None:
    """The contract of the release as a whole: a step is as far as the app that is least far."""
    whole = ReleaseOutcome(outcome.how, "", outcome.versions, outcome.members[0].outcome.source_commit)
    rows = zip(*(member.outcome.steps for member in outcome.members), strict=True)
    whole.steps = [_whole_step(row) for row in rows]
    write_contract(run, whole, resumed=resumed, error=error)


def _whole_step(row: Sequence[ReleaseStep]) -> ReleaseStep:
    state = next(state for state in _WORST if any(step.state == state for step in row))
    seconds = [step.seconds for step in row if step.seconds is not None]
    why = next((step.why for step in row if step.state == state), "")
    return ReleaseStep(row[0].name, state, why, round(sum(seconds), 3) if seconds else None)
