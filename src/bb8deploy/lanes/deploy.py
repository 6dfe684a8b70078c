"""Sync and verify as one: lock, send, bring up, prove; and the earlier version back where that fails."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from bb8deploy.errors import Bb8Error, CheckFailed, NotVerified, UsageError
from bb8deploy.host.connect import Host, open_host
from bb8deploy.lanes.journal import Journal
from bb8deploy.lanes.rollback import after_failure
from bb8deploy.lanes.run import Run
from bb8deploy.lanes.sync import SyncOutcome, sync
from bb8deploy.lanes.verify import VerifyOptions, VerifyOutcome, slug_of, verify
from bb8deploy.plan.lifecycle import Facts, decide
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


def deploy(run: Run, options: DeployOptions | None = None) -> DeployOutcome:
    """Carries lanes 2 and 3 out over one connection, under the lock.

    Where the new version cannot be verified, the earlier tree comes back by itself and NotVerified says
    what became of it. The receipt's lines go to the host in any case.
    """
    options = options or DeployOptions()
    earlier = _unfinished(run) if options.resume else ()
    with open_host(run.settings, run.progress, via=options.via, accept_new=options.accept_new) as host:
        if run.dry_run:
            return _preview(run, host, options)
        run.journal.write(STEP, "started", target=run.settings.target)
        with host.lock(run):
            try:
                outcome = _deploy(run, host, options, earlier)
            finally:
                _keep_receipt(run, host)
        run.journal.write(STEP, "done", version=outcome.synced.version)
        return outcome


def _deploy(run: Run, host: Host, options: DeployOptions, earlier: tuple[str, ...]) -> DeployOutcome:
    synced = sync(run, host, by_rsync=options.via == "rsync", with_diff=options.with_diff)
    changed = tuple(dict.fromkeys((*earlier, *synced.changed)))
    if not synced.nothing_to_do:
        run.journal.write("synced", "done", changed=list(changed[:500]), archive=synced.archive)
    wanted = VerifyOptions(start=options.start, backup=options.backup, changed=changed)
    try:
        verified = verify(run, host, wanted)
    except NotVerified as error:
        if error.code in _STAYS or not _can_go_back(synced, earlier):
            raise _stays(error, synced) from error
        run.ledger.drift("verify", error.code, run.clean(error.cause))
        raise after_failure(run, host, error) from error
    except CheckFailed as error:
        if error.code in _PUT_BACK and _can_go_back(synced, earlier):
            with run.step("put the earlier tree back", host.where):
                host.files.restore_previous(run.id)
        raise
    if verified.verified and host.files.route == "ssh":
        run.ledger.emit(Token.DEPLOY_SSH_OK, host=host.where, version=synced.version)
    return DeployOutcome(synced, verified)


def _can_go_back(synced: SyncOutcome, earlier: tuple[str, ...]) -> bool:
    """Only what this deploy itself replaced is put back: an older tree than that would surprise."""
    return synced.archive is not None or bool(earlier)


def _stays(error: NotVerified, synced: SyncOutcome) -> NotVerified:
    if error.code in _STAYS:
        return error
    why = "nothing was sent by this run" if synced.nothing_to_do else "the host has no earlier tree"
    return NotVerified(
        error.code, f"{error.cause}; not rolled back: {why}", error.remedy, details=error.details
    )


def _keep_receipt(run: Run, host: Host) -> None:
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
    from contextlib import closing

    from bb8deploy.host.supervisor.route import reach

    synced = sync(run, host, by_rsync=options.via == "rsync", with_diff=options.with_diff)
    slug = slug_of(run)
    reached = reach(run.settings, run.addon, host, slug)
    with closing(reached.supervisor):
        state = reached.first.state
    facts = Facts(
        wanted=synced.version,
        installed=state.version if state else "",
        listed=synced.version,
        state=state.state if state else "unknown",
        same_content=synced.nothing_to_do,
        profile_changed="apparmor.txt" in synced.changed,
        start_wanted=options.start,
    )
    decision = decide(facts)
    lines = (
        f"{slug} by {reached.supervisor.route}: {decision.action.value} ({decision.why})",
        "cannot be foreseen: whether it builds, and what the add-on reports when it runs",
    )
    return DeployOutcome(synced, None, lines)


def _unfinished(run: Run) -> tuple[str, ...]:
    """The paths that the newest unfinished deploy to this target had sent.

    Raises UsageError RESUME_NOTHING where the newest one reached its end.
    """
    for folder in sorted((run.reports / "runs").glob("*"), reverse=True):
        entries = Journal(folder / "journal.jsonl").entries()
        started = [e for e in entries if e.step == STEP and e.facts.get("target") == run.settings.target]
        if folder.name == run.id or not started:
            continue
        done = {e.step: e for e in entries if e.state == "done"}
        if STEP in done:
            break
        run.journal.write("resume", "done", of=folder.name)
        sent = done["synced"].facts.get("changed", []) if "synced" in done else []
        run.progress.note(f"going on with run {folder.name}, which had sent {json.dumps(len(sent))} file(s)")
        return tuple(str(path) for path in sent)
    raise UsageError(
        "RESUME_NOTHING",
        "the newest deploy to this target reached its end, so there is nothing to continue",
        "Run `bb8deploy deploy` without --resume.",
    )
