"""Runs all lanes: from a clean tree to a verified, attested, published and tagged version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.os_differences import exclusive
from bb8deploy.catalogue.errors.ship.release import RESUME_STALE, WORKSPACE_LOCKED
from bb8deploy.lanes.release.finish_release import continuation_lines, finish
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions, ReleaseOutcome
from bb8deploy.lanes.release.resume_release import Unfinished, app_folder, remember_tokens
from bb8deploy.lanes.release.run_steps import Flow
from bb8deploy.lanes.release.unreleased_changes import past_of
from bb8deploy.plan.release import release_plan as plan
from bb8deploy.runs.run import Run
from bb8deploy.workspace.app_config import read_addon


def release(run: Run, how: str, options: ReleaseOptions, lanes: Lanes) -> ReleaseOutcome:
    """Releases what `how` asks for (see `plan.target`), unless that is released with this content already.

    Each step is journalled, so that `continue_release` can go on after any end. Raises what the steps
    raise; after the bump, a failure names what is kept and the command that continues.
    """
    with alone(run):
        past = past_of(run)
        today = datetime.now(UTC).date()
        wanted = plan.target(how, past, today, options.pre)
        if wanted.why:
            run.progress.note(f"Version {wanted.version} ({wanted.why}).")
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
                folder=app_folder(run),
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
    """Continues where a release was stopped; `run` has its id and journal (see `resume.reopen`).

    What was asked for at its start still holds; `options` add to it.
    """
    with alone(run):
        if past.folder not in {"", app_folder(run)}:
            raise RESUME_STALE(f"the unfinished release was about the app in {past.folder}")
        current = read_addon(run.addon).version
        if current not in {past.version, past.from_version}:
            raise RESUME_STALE(
                f"the workspace is at {current}, the unfinished release was about {past.version}"
            )
        outcome = ReleaseOutcome(past.how, past.from_version, past.version)
        return _carry_out(run, outcome, past.bump, options_of(past, options), lanes, resumed=True)


def options_of(past: Unfinished, more: ReleaseOptions | None) -> ReleaseOptions:
    """The options of a resumed release: what was asked for at its start, and `more`."""
    more = more or ReleaseOptions()
    return ReleaseOptions(
        require_attest=past.require_attest or more.require_attest,
        image=past.image or more.image,
        overwrite=past.overwrite or more.overwrite,
        sign=past.sign or more.sign,
        until=more.until,
    )


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
    flow = Flow(run, outcome, must_bump, options, lanes, resumed=resumed)
    try:
        flow.preflight()
        if run.dry_run:
            flow.show()
            return outcome
        flow.rest()
    except BaseException as error:
        if isinstance(error, Bb8Error) and not run.dry_run:
            error.details = (*error.details, *continuation_lines(flow))
            run.ledger.drift("release", error.code, run.clean(error.cause))
        finish(run, flow, str(error) if isinstance(error, Bb8Error) else type(error).__name__)
        raise
    if outcome.stopped:
        run.progress.note("Stopped as requested; `bb8deploy release --resume` continues from here.")
    else:
        finish(run, flow, "")
    return outcome


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """One release at a time in a workspace. Raises Locked if another one works in it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(run.workspace / "reports" / ".release.lock", wait=False))
        except BlockingIOError as error:
            raise WORKSPACE_LOCKED("another release runs in this workspace") from error
        yield
