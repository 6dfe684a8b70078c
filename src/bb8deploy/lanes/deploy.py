"""Sync and verify as one: lock, send, bring up, prove; and the earlier version back where that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bb8deploy.errors import Bb8Error, CheckFailed, NotVerified, UsageError
from bb8deploy.host.connect import Host, open_host
from bb8deploy.lanes.journal import Journal
from bb8deploy.lanes.preview import foresee, foresee_sync
from bb8deploy.lanes.rollback import after_failure
from bb8deploy.lanes.run import Run
from bb8deploy.lanes.sync import SyncOutcome, sync
from bb8deploy.lanes.verify import VerifyOptions, VerifyOutcome, verify
from bb8deploy.plan.identity import Expected
from bb8deploy.receipts.tokens import DEPLOY, Token

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

    Where the new version cannot be verified, the earlier tree comes back by itself and NotVerified says
    what became of it. The receipt's lines go to the host in any case.
    """
    options = options or DeployOptions()
    stopped = _unfinished(run) if options.resume else run.id
    with open_host(run.settings, run.progress, via=options.via, accept_new=options.accept_new) as host:
        opened(host)
        if run.dry_run:
            return _preview(run, host, options)
        run.journal.write(STEP, "started", target=run.settings.target)
        with host.lock(run):
            try:
                outcome = _deploy(run, host, options, stopped)
            finally:
                keep_receipt(run, host)
        run.journal.write(STEP, "done", version=outcome.synced.version)
        return outcome


def _deploy(run: Run, host: Host, options: DeployOptions, stopped: str) -> DeployOutcome:
    """`stopped` is the run that this one goes on with: what that had sent counts as sent by this one."""
    synced = _sync(run, host, options)
    _tell_hand_edits(run, synced)
    sent = not synced.nothing_to_do or synced.run_id_on_host in {run.id, stopped}
    wanted = VerifyOptions(options.start, options.backup, sent, "apparmor.txt" in synced.changed)
    try:
        verified = verify(run, host, wanted)
    except NotVerified as error:
        stays = "" if error.code in _STAYS else _why_not_back(host, synced, sent)
        if error.code in _STAYS or stays:
            raise _with(error, stays) from error
        run.ledger.drift("verify", error.code, run.clean(error.cause))
        raise after_failure(run, host, error) from error
    except CheckFailed as error:
        if error.code in _PUT_BACK and not _why_not_back(host, synced, sent):
            with run.step("put the earlier tree back", host.where):
                host.files.restore_previous(run.id)
        raise
    if verified.verified and host.files.route == "ssh":
        run.ledger.emit(Token.DEPLOY_SSH_OK, host=host.where, version=synced.version)
    return DeployOutcome(synced, verified)


def _sync(run: Run, host: Host, options: DeployOptions) -> SyncOutcome:
    return sync(run, host, by_rsync=options.via == "rsync", with_diff=options.with_diff)


def _tell_hand_edits(run: Run, synced: SyncOutcome) -> None:
    """Somebody's work on the host is not lost without a word: it stands in the earlier tree."""
    earlier = synced.previous
    if synced.archive and earlier and earlier.tree != synced.previous_digest:
        run.progress.warn(
            f"files on {synced.where} had been changed by hand since run {earlier.run}; "
            f"they are kept in {synced.archive} until the next sync"
        )


def _why_not_back(host: Host, synced: SyncOutcome, sent: bool) -> str:
    """Empty where the earlier tree is what this deploy replaced; an older one than that would surprise."""
    if not sent:
        return "nothing was sent by this run"
    return "" if synced.archive or host.files.previous_stamp() else "the host has no earlier tree"


def _with(error: NotVerified, stays: str) -> NotVerified:
    if not stays:
        return error
    return NotVerified(
        error.code, f"{error.cause}; not rolled back: {stays}", error.remedy, details=error.details
    )


def keep_receipt(run: Run, host: Host) -> None:
    """Appends the run's lines to the host's receipt; a host that is gone keeps none, and we say so."""
    try:
        kept = host.append_receipt(run.ledger.texts(DEPLOY))
    except Bb8Error as error:
        run.progress.warn(f"the receipt on the host was not written: {error.cause}")
        return
    if not kept:
        run.progress.note("SKIPPED: receipt on the host reason=no way to its reports folder")


def _preview(run: Run, host: Host, options: DeployOptions) -> DeployOutcome:
    """What a deploy would do: the sync's plan, and the Supervisor's part as far as it can be foreseen."""
    synced = _sync(run, host, options)
    sent = not synced.nothing_to_do
    wanted = VerifyOptions(options.start, options.backup, sent, "apparmor.txt" in synced.changed)
    expected = Expected(synced.version, synced.digest, synced.run_id_on_host)
    return DeployOutcome(synced, None, (foresee_sync(synced), *foresee(run, host, expected, wanted)))


def _unfinished(run: Run) -> str:
    """The id of the newest deploy to this target, which did not reach its end.

    Raises UsageError RESUME_NOTHING where it did, or there is none.
    """
    for folder in sorted((run.reports / "runs").glob("*"), reverse=True):
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
    raise UsageError(
        "RESUME_NOTHING",
        "the newest deploy to this target reached its end, so there is nothing to continue",
        "Run `bb8deploy deploy` without --resume.",
    )
