"""The end of a release: its contract, evidence and report, and after a failure the command to continue."""

from __future__ import annotations

from typing import Literal, cast

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.publish.outcome import PublishOutcome
from bb8deploy.lanes.release.collect_evidence import keep_evidence
from bb8deploy.lanes.release.outcome import ReleaseOutcome
from bb8deploy.lanes.release.run_steps import Flow
from bb8deploy.lanes.release.unreleased_changes import bumped_parent
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.plan.release.release_states import PASSED, StepState
from bb8deploy.runs.journal import line_of
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g


def continuation_lines(flow: Flow) -> list[str]:
    """What is true after a failure that follows the bump, and the commands to continue or go back."""
    version, state = flow.outcome.version, {step.name: step.state for step in flow.outcome.steps}
    if Name.BUMP not in flow.steps.kept and state[Name.BUMP] not in PASSED:
        return []
    words = {StepState.DONE: "published", StepState.FAILED: "not proven to be published"}
    where = words.get(StepState(state[Name.PUBLISH]))
    lines = [f"{version} is committed here, {where or 'neither published nor tagged'}."]
    if state[Name.DEPLOY] in {StepState.DONE, StepState.KEPT}:
        proof = "verified" if flow.steps.deployed else "its content is not proven"
        lines.append(f"The host runs {version}, {proof}; `bb8deploy rollback` brings the earlier one back.")
    lines.append("Fix the cause, commit, and go on with `bb8deploy release --resume`.")
    if not where and bumped_parent(flow.run, "HEAD", version):
        lines.append("To give the version up instead: `git reset --keep HEAD~1`.")
    return lines


def finish(run: Run, flow: Flow, error: str) -> None:
    """Writes the contract of the release, the report, and the evidence if the release succeeded."""
    if run.dry_run:
        return
    outcome = flow.outcome
    write_contract(run, outcome, resumed=flow.resumed, error=error)
    if not error:
        keep_evidence(
            run,
            outcome.published or _unpublished(run, outcome),
            deployed=flow.steps.deployed,
            parameters={"how": outcome.how, "version": outcome.version},
            closing=line_of("release", "done", version=outcome.version),
            sign=flow.options.sign,
        )
    outcome.report = _report(run)


def write_contract(run: Run, outcome: ReleaseOutcome, *, resumed: bool, error: str) -> None:
    """Writes the release contract of a run."""
    from bb8deploy.runs.contracts.release import ReleaseContract, StepModel

    states = Literal["done", "kept", "skipped", "failed", "not reached"]
    run.write_contract(
        ReleaseContract(
            **run.contract_fields(version=outcome.version, passed=not error),
            how=outcome.how,
            target=run.settings.target,
            from_version=outcome.from_version,
            source_commit=outcome.source_commit,
            branch=g.branch(run.workspace),
            resumed=resumed,
            steps=tuple(
                StepModel(name=s.name, state=cast("states", s.state), reason=s.why, seconds=s.seconds)
                for s in outcome.steps
            ),
            error=run.clean(error),
        )
    )


def _unpublished(run: Run, outcome: ReleaseOutcome) -> PublishOutcome:
    """The outcome of a release without publication: about its own commit, wherever HEAD is now."""
    commit = outcome.source_commit
    return PublishOutcome(outcome.version, commit, g.folder_tree(run.workspace, run.addon, commit))


def _report(run: Run) -> str:
    """The path of the report; a report that cannot be written is only a warning."""
    from bb8deploy.lanes.report.report import write_report

    try:
        return str(write_report(run.reports, run.id, secrets=run.secrets()))
    except Bb8Error as error:
        run.progress.warn(f"the report was not written: {error.cause}")
        return ""
