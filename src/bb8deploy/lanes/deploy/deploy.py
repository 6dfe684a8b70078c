"""Sync and verify as one: lock, send, bring up, prove; and the earlier version back where that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bb8deploy.base.errors import Bb8Error, CheckFailed, NotVerified, Unreachable
from bb8deploy.catalogue.errors.release import RESUME_NOTHING
from bb8deploy.host.connect import Host, open_host
from bb8deploy.lanes.deploy.preview import foresee, foresee_edits, foresee_sync
from bb8deploy.lanes.deploy.rollback import after_failure
from bb8deploy.lanes.host_receipt import kept_on_host
from bb8deploy.lanes.sync.sync import SyncOutcome, hand_edits, sync, warn_of_edits
from bb8deploy.lanes.verify.bringup_errors import UNLISTED
from bb8deploy.lanes.verify.verify import PROFILE, VerifyOptions, VerifyOutcome, verify
from bb8deploy.plan.identity import Expected
from bb8deploy.plan.sync import SyncPlan
from bb8deploy.runs.journal import PUT_BACK, Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.tree import STAMP

STEP = "deploy"
# What rolling back would not mend: nothing is wrong with the add-on, or the way to see it is missing.
_STAYS = {"IDENTITY_MISSING", "ROUTE_ONLY_SERVICE"}
# The plan said no after the sync: the earlier tree is put back, so that the next run meets it anew.
_PUT_BACK = {"PROFILE_SAME_VERSION", "IMAGE_SAME_VERSION"}


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How to deploy; `resume` goes on with the newest deploy to this target that did not reach its end,
    `with_diff` shows unified diffs of text files against the host.
    """

    via: Literal["auto", "ssh", "mount", "rsync"] = "auto"
    accept_new: bool = False
    start: bool = True
    backup: bool = False
    resume: bool = False
    with_diff: bool = False


@dataclass(frozen=True, slots=True)
class DeployOutcome:
    """What lanes 2 and 3 did; `verified` is None for a dry run, whose `preview` says what would be done."""

    synced: SyncOutcome
    verified: VerifyOutcome | None
    preview: tuple[str, ...] = ()


def deploy(
    run: Run, options: DeployOptions | None = None, *, opened: Callable[[Host], object] = lambda _host: None
) -> DeployOutcome:
    """Carries lanes 2 and 3 out over one connection, under the lock; `opened` is handed the host.

    Where the new version cannot be verified, the earlier tree comes back by itself and the error says
    what became of it: NotVerified, or CheckFailed where nothing was put in. The receipt's lines go to the
    host in any case.
    """
    options = options or DeployOptions()
    stopped = _unfinished(run) if options.resume else run.id
    with open_host(run.settings, run.progress, via=options.via, accept_new=options.accept_new) as host:
        opened(host)
        if run.dry_run:
            return _preview(run, host, options)
        run.journal.write(STEP, "started", target=run.settings.target)
        with host.lock(run), kept_on_host(run, host, "deploy"):
            outcome = _deploy(run, host, options, stopped)
        run.journal.write(STEP, "done", version=outcome.synced.version)
        return outcome


def _deploy(run: Run, host: Host, options: DeployOptions, stopped: str) -> DeployOutcome:
    """`stopped` is the run that this one goes on with: what that had sent counts as sent by this one."""
    synced = _sync(run, host, options)
    sent = not synced.nothing_to_do or synced.run_id_on_host in {run.id, stopped}
    try:
        verified = verify(run, host, _to_verify(options, synced, sent=sent))
    except NotVerified as error:
        if error.code in _STAYS:
            raise
        raise _back(run, host, error, _why_not_back(host, synced, sent)) from error
    except CheckFailed as error:
        if error.code in UNLISTED:
            raise _back(run, host, error, _why_not_back(host, synced, sent)) from error
        if error.code in _PUT_BACK and not _why_not_back(host, synced, sent):
            with run.step(PUT_BACK, host.where):
                host.files.restore_previous(run.id)
        raise
    except Unreachable as error:
        if sent:
            lies = f"version {synced.version} lies on the host already; `deploy --resume` goes on from there"
            error.details = (*error.details, lies)
        raise
    if verified.verified and host.files.route == "ssh":
        run.ledger.emit(Token.DEPLOY_SSH_OK, host=host.where, version=synced.version)
    return DeployOutcome(synced, verified)


def _sync(run: Run, host: Host, options: DeployOptions) -> SyncOutcome:
    return sync(
        run,
        host,
        by_rsync=options.via == "rsync",
        with_diff=options.with_diff,
        approve=lambda plan: _approve(run, host, plan),
    )


def _to_verify(options: DeployOptions, synced: SyncOutcome, *, sent: bool) -> VerifyOptions:
    return VerifyOptions(options.start, options.backup, sent, profile_changed=PROFILE in synced.changed)


def _approve(run: Run, host: Host, plan: SyncPlan) -> None:
    """Somebody's work on the host is not overwritten without a word."""
    edited = hand_edits(host, plan)
    if edited and not run.assume_yes:
        raise edited
    warn_of_edits(run, host, plan)


def _why_not_back(host: Host, synced: SyncOutcome, sent: bool) -> str:
    """Empty where the earlier tree is what this deploy replaced; an older one than that would surprise."""
    if not sent:
        return "nothing was sent by this run"
    return "" if synced.archive or host.files.look_back(STAMP).stamp else "the host has no earlier tree"


def _back(run: Run, host: Host, error: NotVerified | CheckFailed, stays: str) -> Bb8Error:
    """The failure with what became of the earlier version; where that is not put back, `stays` says why."""
    if stays:
        cause = f"{error.cause}; not rolled back: {stays}"
        return type(error)(error.code, cause, error.remedy, details=error.details)
    run.ledger.drift("verify", error.code, run.clean(error.cause))
    return after_failure(run, host, error)


def _preview(run: Run, host: Host, options: DeployOptions) -> DeployOutcome:
    """What a deploy would do: the sync's plan, and the Supervisor's part as far as it can be foreseen."""
    synced = _sync(run, host, options)
    wanted = _to_verify(options, synced, sent=not synced.nothing_to_do)
    expected = Expected(synced.version, synced.digest, synced.run_id_on_host)
    lines = (
        *foresee_edits(run, host, synced.plan),
        foresee_sync(synced),
        *foresee(run, host, expected, wanted),
    )
    return DeployOutcome(synced, None, lines)


def _unfinished(run: Run) -> str:
    """The id of the newest deploy to this target, which did not reach its end.

    Raises UsageError RESUME_NOTHING where it did, or there is none.
    """
    for folder in sorted((run.reports / "runs").glob("*"), key=_age, reverse=True):
        entries = Journal(folder / "journal.jsonl").entries()
        mine = [e for e in entries if e.step == STEP and e.facts.get("target") == run.settings.target]
        if folder.name == run.id or not mine:
            continue
        if any(e.step == STEP and e.state == "done" for e in entries):
            break
        last = next((e.step for e in reversed(entries) if e.state == "done"), "nothing")
        run.journal.write("resume", "done", of=folder.name)
        run.progress.note(f"going on with run {folder.name}, whose last finished step was: {last}")
        return folder.name
    raise RESUME_NOTHING("the newest deploy to this target reached its end, so there is nothing to continue")


def _age(folder: Path) -> tuple[str, int]:
    """What sorts run folders by time: the second in the run's id, and of one second the last written."""
    return folder.name.partition("-")[0], folder.stat().st_mtime_ns
