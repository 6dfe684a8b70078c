"""Runs lanes 2 and 3: lock, sync, install and verify; restores the earlier tree if that fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.ship.release import RESUME_NOTHING
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.deploy.after_failure import Failed, recover
from bb8deploy.lanes.deploy.config_differences import announcements
from bb8deploy.lanes.deploy.dry_run import Foreseen, foresee, foresee_edits, foresee_sync, refusal_lines
from bb8deploy.lanes.deploy.static_rules_check import require_valid
from bb8deploy.lanes.deploy.supervisor_precheck import Readiness
from bb8deploy.lanes.deploy.undo_sync import sync_or_undo
from bb8deploy.lanes.host_session import Access, held
from bb8deploy.lanes.smoke.smoke_checks import smoke
from bb8deploy.lanes.sync.hand_edits import hand_edits, warn_of_edits
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.plan_from_workspace import AppRead
from bb8deploy.lanes.verify.app_options import file_of, require_route
from bb8deploy.lanes.verify.proof.unchanged_since_sent import built_as_sent, replaced_as_sent
from bb8deploy.lanes.verify.verify import carry_out
from bb8deploy.lanes.verify.verify_attempt import Attempt, earlier_settings
from bb8deploy.lanes.verify.verify_types import PROFILE, Delivered, VerifyOptions, VerifyOutcome
from bb8deploy.plan.app_settings import AppSettings
from bb8deploy.plan.logs.identity_line import UNKNOWN
from bb8deploy.plan.sync_plan import SyncPlan
from bb8deploy.runs.journal import Journal, newest_runs
from bb8deploy.runs.report_files import save
from bb8deploy.runs.run import Run, warn_of_damage
from bb8deploy.runs.tokens import DEPLOY, Token

STEP = "deploy"


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How to deploy.

    - `resume`: continue the newest deploy to this target that did not finish.
    - `with_diff`: show unified diffs of text files against the host.
    - `validate`: check the app before anything is sent.
    - `app_options`: options of the app to set before its start.
    - `settings`: settings of the app in place of those of the options file.
    - `app`: the app if it was read before, for several hosts at once.
    - `edited_tree`: the digest of a tree with hand edits on the host that may be overwritten.
    """

    access: Access = field(default_factory=Access)
    start: bool = True
    backup: bool = False
    resume: bool = False
    with_diff: bool = False
    validate: bool = True
    app_options: Mapping[str, object] = field(default_factory=dict)
    settings: AppSettings | None = None
    app: AppRead | None = None
    edited_tree: str = ""


@dataclass(frozen=True, slots=True)
class DeployOutcome:
    """What lanes 2 and 3 did; `verified` is None for a dry run, whose `preview` has the plan.

    `foreseen` is lane 3's part of that plan, `refusal` the error with which the deploy would stop.
    """

    synced: SyncOutcome
    verified: VerifyOutcome | None
    preview: tuple[str, ...] = ()
    foreseen: Foreseen | None = None
    refusal: Bb8Error | None = None


def deploy(
    run: Run, options: DeployOptions | None = None, *, opened: Callable[[Host], object] = lambda _host: None
) -> DeployOutcome:
    """Carries out lanes 2 and 3 over one connection, under the lock; `opened` receives the host.

    If the new version cannot be verified, the earlier tree is restored and the error reports how that ended:
    NotVerified, or CheckFailed if nothing was installed. Raises Unreachable and Locked too.
    """
    options = options or DeployOptions()
    stopped = _unfinished(run) if options.resume else run.id
    if options.validate:
        require_valid(run)
    options = replace(options, settings=options.settings or file_of(run))
    differences = announcements(run)
    if not run.dry_run:
        _forget_target_receipt(run)
        run.journal.write(STEP, "started", target=run.settings.destination)
    with held(run, "deploy", options.access, opened=opened) as host:
        if options.app_options or options.settings:
            require_route(run, host)
        if run.dry_run:
            return _preview(run, host, options, differences)
        for line in differences:
            run.progress.note(line)
        with closing(Readiness(run, host)) as ready:
            outcome = _deploy(run, host, options, stopped, ready)
    run.journal.write(STEP, "done", version=outcome.synced.version)
    return outcome


def _deploy(run: Run, host: Host, options: DeployOptions, stopped: str, ready: Readiness) -> DeployOutcome:
    """`stopped` is the run that this one resumes: what that had sent counts as sent by this one."""
    synced = _sync(run, host, options, ready)
    sent = not synced.nothing_to_do or synced.run_id_on_host in {run.id, stopped}
    wanted = _to_verify(run, options, synced, sent=sent)
    attempt, as_sent = Attempt(run, host, Delivered(synced.expected, synced.tree), wanted, ready.reached), ""
    try:
        as_sent = replaced_as_sent(run, synced, stopped)
        verified = carry_out(attempt)
        _check(run, host, attempt, options)
    except Bb8Error as error:
        was, earlier = _was_installed(attempt), earlier_settings(attempt)
        failed = Failed(error, synced, sent, attempt.touched, was, attempt.ran, earlier, as_sent)
        raise recover(run, host, failed) from error
    if host.files.route == "ssh":
        if verified.verified:
            run.ledger.emit(
                Token.DEPLOY_SSH_OK, host=host.where, version=synced.version, proof=verified.proof
            )
        elif verified.running:
            run.ledger.skip(Token.DEPLOY_SSH_OK, verified.reason)
    return DeployOutcome(synced, verified)


def _was_installed(attempt: Attempt) -> str:
    """The version that was installed before the attempt did anything, empty if there was none."""
    state = attempt.installer.before.state if attempt.installer else None
    return state.version or UNKNOWN if state is not None and state.installed else ""


def _check(run: Run, host: Host, attempt: Attempt, options: DeployOptions) -> None:
    """The project's smoke checks of the container that runs. Raises NotVerified CHECK_FAILED."""
    prover = attempt.prover
    if options.start and prover:
        smoke(run, host, of_container=prover.of_container)


def _sync(run: Run, host: Host, options: DeployOptions, ready: Readiness) -> SyncOutcome:
    return sync_or_undo(
        run,
        host,
        app=options.app,
        by_rsync=options.access.via == "rsync",
        with_diff=options.with_diff,
        approve=lambda plan: _approve(run, host, plan, ready, options.edited_tree),
    )


def _to_verify(run: Run, options: DeployOptions, synced: SyncOutcome, *, sent: bool) -> VerifyOptions:
    wanted = VerifyOptions(
        start=options.start,
        backup=options.backup,
        sent=sent,
        built_as_sent=not synced.nothing_to_do or built_as_sent(run, synced.tree, synced.run_id_on_host),
        # In a new folder every file is new: so nothing is known about the profile that is installed.
        profile_changed=synced.plan.present and PROFILE in synced.changed,
        app_options=options.app_options,
        settings=options.settings,
    )
    return wanted.at(synced.level)


def _approve(run: Run, host: Host, plan: SyncPlan, ready: Readiness, edited_tree: str) -> None:
    """Hand edits on the host are overwritten only with `--yes`, or if they make up `edited_tree`, and with a
    warning. Files are sent only to a host that can build them."""
    edited = hand_edits(host, plan)
    if edited and not (run.assume_yes or plan.have.digest == edited_tree):
        raise edited
    if not plan.nothing:
        ready.require(need=plan.want.size)
    warn_of_edits(run, host, plan)


def _preview(run: Run, host: Host, options: DeployOptions, differences: tuple[str, ...]) -> DeployOutcome:
    """What a deploy would do: the sync's plan, and the Supervisor's part as far as it can be foreseen."""
    synced = _sync(run, host, options, Readiness(run, host))
    wanted = _to_verify(run, options, synced, sent=not synced.nothing_to_do)
    edited = foresee_edits(run, host, synced.plan)
    foreseen = foresee(run, host, Delivered(synced.expected, synced.tree), wanted)
    lines = (
        *differences,
        *refusal_lines(edited),
        foresee_sync(synced),
        *foreseen.lines,
    )
    return DeployOutcome(synced, None, lines, foreseen, edited or foreseen.refusal)


def _forget_target_receipt(run: Run) -> None:
    """Empties the receipt that an earlier deploy to several targets left for this target."""
    stale = run.reports / "targets" / run.settings.target / DEPLOY
    if stale.is_file():
        save(stale, "")


def _unfinished(run: Run) -> str:
    """The id of the newest deploy to this target, which did not finish.

    Raises UsageError RESUME_NOTHING if it did, or if there is none.
    """
    for folder in newest_runs(run.reports):
        journal = Journal(folder / "journal.jsonl")
        entries = journal.entries()
        mine = [e for e in entries if e.step == STEP and e.facts.get("target") == run.settings.destination]
        if folder.name == run.id or not mine:
            continue
        if any(e.step == STEP and e.state == "done" for e in entries):
            break
        last = next((e.step for e in reversed(entries) if e.state == "done"), "nothing")
        warn_of_damage(run, journal)
        run.journal.write("resume", "done", of=folder.name)
        run.progress.note(f"going on with run {folder.name}; its last finished step was: {last}")
        return folder.name
    raise RESUME_NOTHING("the newest deploy to this target finished, so there is nothing to continue")
