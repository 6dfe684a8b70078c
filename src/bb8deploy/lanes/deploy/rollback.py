"""Restores an earlier version: after a failed verification, or any tagged version on request."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.errors import CheckFailed, Unreachable
from bb8deploy.base.os_differences import user_and_machine
from bb8deploy.catalogue.errors.app import ROLLBACK_NO_TAG, ROLLBACK_UNPROVABLE
from bb8deploy.host.files.app_folder_interface import PREVIOUS
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import Reached
from bb8deploy.lanes.deploy.dry_run import foresee, foresee_sync
from bb8deploy.lanes.deploy.earlier_trees import IN_PLACE, StampedTree, next_older
from bb8deploy.lanes.deploy.ran_before import proven_before, ran_before, seen_running
from bb8deploy.lanes.deploy.supervisor_precheck import Readiness
from bb8deploy.lanes.deploy.undo_sync import put_back, sync_or_undo, to_its_end
from bb8deploy.lanes.host_session import Access, held, slug_of
from bb8deploy.lanes.sync.hand_edits import warn_of_edits
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.plan_from_workspace import Wanted, read_wanted
from bb8deploy.lanes.sync.sync import require_own_folder, sync
from bb8deploy.lanes.verify.install import Installer
from bb8deploy.lanes.verify.proof.unchanged_since_sent import built_as_sent
from bb8deploy.lanes.verify.seen_running import record_ran
from bb8deploy.lanes.verify.verify import carry_out
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.lanes.verify.verify_types import Delivered, VerifyOptions
from bb8deploy.overlay.proof_level import ProofLevel
from bb8deploy.plan.app_settings import AppSettings
from bb8deploy.plan.logs.identity_line import UNKNOWN, Expected, Identity, Proof
from bb8deploy.plan.sync_plan import Stamp, SyncPlan, plan_sync
from bb8deploy.runs.run import Run, after_cut
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git
from bb8deploy.workspace.app_config import parse_config
from bb8deploy.workspace.tree_digest import NO_RECORD, STAMP, FoundTree, Manifest
from bb8deploy.workspace.versions.publish_layout import publishing_of

IGNORED_STAY = "would leave ignored files of the app folder, such as secrets.yaml, as they are"


@dataclass(frozen=True, slots=True)
class RollbackOutcome:
    """The version that runs, and by which action; `proof` is how its content was proven, None if it was
    not; `untouched` is the state of an app that was not touched; `ran_before`: it is known to have run
    before.

    `preview` is filled by a dry run alone.
    """

    version: str
    tree: str
    action: str
    proof: Proof | None = None
    untouched: str = ""
    preview: tuple[str, ...] = ()
    ran_before: bool = True

    @property
    def in_words(self) -> str:
        """The result as the end of a sentence."""
        if self.untouched:
            return f"the earlier files are back; the app was not touched and is {self.untouched}"
        proof = f"verified (proof: {self.proof})" if self.proof else "its content is not proven"
        if not self.ran_before:
            unseen = "; nothing shows that it ran before" if self.proof else ""
            return f"{self.version} runs, {proof}{unseen}"
        return f"{self.version} runs again, {proof}"


def roll_back_host(
    run: Run,
    access: Access | None = None,
    version: str = "",
    *,
    opened: Callable[[Host], object] = lambda _host: None,
) -> RollbackOutcome:
    """Rollback as a command of its own: to the earlier tree, or to a tagged `version`.

    `opened` receives the host. Raises what `roll_back` and `roll_back_to` raise.
    """
    with held(run, "rollback", access, opened=opened) as host:
        if run.dry_run:
            return RollbackOutcome(version, "", "", preview=foresee_back(run, host, version))
        outcome = roll_back_to(run, host, version) if version else _to_earlier(run, host)
    run.point_latest()
    return outcome


def _to_earlier(run: Run, host: Host) -> RollbackOutcome:
    with _chosen(run, host) as (older, reached):
        if older.name == IN_PLACE:
            run.progress.note(f"{_left(older)}; this rollback completes it")
        try:
            return roll_back(run, host, older.name, reached=reached)
        except Unreachable as error:
            error.remedy = after_cut(run) or error.remedy
            raise


def _left(older: StampedTree) -> str:
    """What a run that did not come to its end has left."""
    return f"a run that was interrupted or failed had put an earlier tree back ({older.in_words})"


@contextmanager
def _chosen(run: Run, host: Host) -> Iterator[tuple[StampedTree, Reached | None]]:
    """The earlier tree to go back to, and the way to the Supervisor whose log helped to choose it.

    Raises what a rollback raises before it changes anything.
    """
    require_own_folder(run, host)
    with closing(Readiness(run, host)) as ready:
        ready.require()
        yield next_older(host, seen_running(run, ready.reached)), ready.reached


def roll_back(
    run: Run,
    host: Host,
    name: str = PREVIOUS,
    *,
    failed: str = "",
    ran: Identity | None = None,
    reached: Reached | None = None,
    settings: AppSettings | None = None,
    built_as_sent: str = "",
    installed_before: str = "",
) -> RollbackOutcome:
    """Restores the earlier tree `name`, runs it and verifies it as for VERIFY_OK; then writes ROLLBACK_OK.

    With IN_PLACE, a run that was interrupted or failed has restored it already. If this one is or does, the
    next completes it.

    `failed` is the version that is replaced, empty if it is not known: a build of the same version may have
    replaced the earlier one without a line in the log, so that only a new build counts. `ran` is what ran
    before the failed deploy, `reached` the route to the Supervisor if it was asked already; `settings` are
    the app's settings to restore, None to leave them. After a failure, the log counts only for the tree of
    the run `built_as_sent`: another tree may have been built from an edit that was undone. `installed_before`
    is the version that was installed before the failed deploy. A tree that was only synced never ran here, so
    it gets no ROLLBACK_OK. Needs the lock.

    Raises CheckFailed if there is no earlier tree or it has no complete stamp, NotVerified if it does not
    run.
    """
    back = _put_back(run, host, name)
    trusts_log = failed not in {"", back.expected.version}
    intact = not failed or back.is_of(built_as_sent)
    options = VerifyOptions(sent=True, trusts_log=trusts_log, built_as_sent=intact, earlier=settings)
    options = options.at(back.level)
    attempt = Attempt(run, host, Delivered(back.expected, back.tree), options, reached)
    with to_its_end(host, back.expected.version), attempt.opened() as installer:
        expected = back.expected
        before = ran_before(run, installer, expected, ran) if intact else proven_before(run, expected)
        installed = installer.install()
        if options.proof is Proof.RUNNING:
            attempt.check_runs(installed)
            before = before or installed_before == expected.version
            outcome = _runs(run, back, installed.action.value, options.unproven, ran_before=before)
            host.record_put_in(NO_RECORD)
            return outcome
        if not back.provable:
            raise _unprovable(run, expected.version)
        attempt.prove(installed)
        record_ran(run, slug_of(run), expected)
        outcome = RollbackOutcome(
            expected.version, expected.tree, installed.action.value, options.proof, ran_before=before
        )
        ended = _ended(run, outcome)
        attempt.record_put_in()  # the last of all: until then the next rollback completes this one
    return ended


def roll_back_untouched(run: Run, host: Host, *, built_as_sent: str = "") -> RollbackOutcome:
    """Restores the earlier files of an app whose container was not touched, and does not touch it either.

    Writes ROLLBACK_OK if the identity in its log is that of the earlier tree, and the run that sent this tree
    is `built_as_sent`. Needs the lock. Raises CheckFailed if there is no earlier tree.
    """
    back = _put_back(run, host)
    options = VerifyOptions(sent=True).at(back.level)
    attempt = Attempt(run, host, Delivered(back.expected, back.tree), options)
    with to_its_end(host, back.expected.version), attempt.opened() as installer:
        running = installer.reload_only()
        intact = back.is_of(built_as_sent)
        if back.provable and running and intact and options.proof is not Proof.RUNNING:
            attempt.prove(running)
            outcome = RollbackOutcome(back.expected.version, back.expected.tree, "none", options.proof)
            _proven(run, outcome)
            attempt.record_put_in()
            return outcome
        state = installer.watch.states[-1]
    host.record_put_in(NO_RECORD)
    _skipped(run, "the app was not touched, and its content is not proven", back.expected.version)
    return RollbackOutcome(back.expected.version, back.expected.tree, "none", untouched=state)


@dataclass(frozen=True, slots=True)
class Back:
    """A restored earlier tree; `provable` if its files are those that its stamp names."""

    expected: Expected
    tree: FoundTree
    provable: bool
    level: ProofLevel

    def is_of(self, run_id: str) -> bool:
        """True if the run sent this tree; False for an empty `run_id`."""
        return bool(run_id) and self.expected.run == run_id


def _put_back(run: Run, host: Host, name: str = PREVIOUS) -> Back:
    found = host.files.look() if name == IN_PLACE else put_back(run, host, name)
    stamp, wanted = Stamp.parse(found.stamp), read_wanted(run, run.addon)
    provable = stamp is not None and _is_as_sent(wanted, found, stamp)
    version = stamp.version if stamp else _version_on(host)
    tree = stamp.tree if stamp and provable else UNKNOWN
    expected = Expected(version, tree, stamp.run if stamp else "")
    return Back(expected, found, provable, _level_back(run, wanted, stamp))


def _level_back(run: Run, wanted: Wanted, stamp: Stamp | None) -> ProofLevel:
    """The proof that the earlier tree was sent for, unless the settings ask for less.

    The stamp of an earlier bb8deploy has no level: such a tree was sent for the app's own report.
    """
    reports = wanted.app.names_stamp
    if run.settings.bb8_verify == Proof.RUNNING or (stamp and stamp.proof == Proof.RUNNING):
        return ProofLevel(Proof.RUNNING, "it was not sent to be proven, or the setting asks for no more")
    if stamp and stamp.proof == Proof.SEALED:
        return ProofLevel(Proof.SEALED, reports=reports)
    if reports:
        return ProofLevel(Proof.STAMP, reports=True)
    return ProofLevel(Proof.RUNNING, f"no file of the app mentions {STAMP}, so it cannot report its content")


def _is_as_sent(wanted: Wanted, found: FoundTree, stamp: Stamp) -> bool:
    """True if the files on the host, without ignored ones and the stamp, are what the run of `stamp` sent."""
    return plan_sync(found, Manifest(()), wanted.ignore, wanted.stamp).found_as(stamp)


def _version_on(host: Host) -> str:
    """The version in the host's config.yaml, empty if that cannot be read."""
    data = host.files.read(f"{host.files.runtime}/config.yaml")
    return str(parse_config(data, "config.yaml").get("version", "")) if data else ""


def _unprovable(run: Run, version: str) -> CheckFailed:
    run.ledger.skip(Token.ROLLBACK_OK, "the earlier tree carries no stamp of its content")
    return ROLLBACK_UNPROVABLE(
        f"the earlier tree ({version}) is back and was put in, but it has no stamp to compare what runs with"
    )


def roll_back_to(run: Run, host: Host, version: str) -> RollbackOutcome:
    """Deploys the tagged `version` from git and has it run; then ROLLBACK_OK. Needs the lock.

    A version that did not run on this host before gets no ROLLBACK_OK. Raises UsageError if there is no such
    tag, and whatever sync and verify raise.
    """
    with _tagged(run, version) as (source, commit), closing(Readiness(run, host)) as ready:
        synced = sync_or_undo(
            run, host, source=source, commit=commit, approve=lambda plan: _approve(run, host, plan, ready)
        )
        options = _options_to(run, synced)
        delivered = Delivered(synced.expected, synced.tree)
        before = _Before(run, synced.expected)
        attempt = Attempt(run, host, delivered, options, ready.reached, before.look)
        with to_its_end(host, synced.version, version):
            verified = carry_out(attempt)
    if not verified.verified:
        _skipped(run, verified.reason, synced.version)
        return RollbackOutcome(synced.version, synced.digest, verified.action, ran_before=before.ran)
    return _ended(
        run,
        RollbackOutcome(
            synced.version, synced.digest, verified.action, verified.proof, ran_before=before.ran
        ),
    )


def _options_to(run: Run, synced: SyncOutcome) -> VerifyOptions:
    """How a tagged version is verified: one that is in place counts only if it was built as it was sent."""
    as_sent = not synced.nothing_to_do or built_as_sent(run, synced.tree, synced.run_id_on_host)
    return VerifyOptions(sent=not synced.nothing_to_do, built_as_sent=as_sent).at(synced.level)


@dataclass(slots=True)
class _Before:
    """Whether `expected` ran before, as found before the Supervisor does anything."""

    run: Run
    expected: Expected
    ran: bool = False

    def look(self, installer: Installer) -> None:
        self.ran = ran_before(self.run, installer, self.expected)


def _approve(run: Run, host: Host, plan: SyncPlan, ready: Readiness) -> None:
    """Files are sent only to a host that can build them; hand edits are overwritten with a warning."""
    if not plan.nothing:
        ready.require(need=plan.want.size)
    warn_of_edits(run, host, plan)


def _runs(run: Run, back: Back, action: str, why: str, *, ran_before: bool) -> RollbackOutcome:
    """The outcome for an app whose content cannot be proven."""
    _skipped(run, why, back.expected.version)
    return RollbackOutcome(back.expected.version, back.expected.tree, action, ran_before=ran_before)


def foresee_back(run: Run, host: Host, version: str) -> tuple[str, ...]:
    """What `roll_back`, or `roll_back_to` with a `version`, would do; for a run that is a dry run.

    Raises what these raise before they change anything.
    """
    if not version:
        with _chosen(run, host) as (older, reached):
            return _foresee_earlier(run, host, older, reached)
    with _tagged(run, version) as (source, commit):
        synced = sync(run, host, source=source, commit=commit)
        warn_of_edits(run, host, synced.plan)
        options = _options_to(run, synced)
        lines = foresee(run, host, Delivered(synced.expected, synced.tree), options).lines
    return (foresee_sync(synced), *lines)


def _foresee_earlier(run: Run, host: Host, older: StampedTree, reached: Reached | None) -> tuple[str, ...]:
    if older.stamp is None:
        todo = (
            f"would put the earlier tree {older.name} back" if older.name else f"{_left(older)}; would run it"
        )
        return (f"{todo}, which has no stamp: it cannot be proven",)
    expected = Expected(older.stamp.version, older.stamp.tree, older.stamp.run)
    back = Delivered(expected, host.files.look())  # its times show which edits will be detected
    level = _level_back(run, read_wanted(run, run.addon), older.stamp)
    lines = foresee(run, host, back, VerifyOptions(sent=True).at(level), reached).lines
    if older.name == IN_PLACE:
        return (f"{_left(older)}; would complete that", *lines)
    return (f"would put the earlier tree {older.name} back: {older.in_words}", IGNORED_STAY, *lines)


@contextmanager
def _tagged(run: Run, version: str) -> Iterator[tuple[Path, str]]:
    """The app's folder in the tag, and the tag's commit."""
    own = publishing_of(run.workspace, run.addon, run.settings).tags.of(version)
    tags = dict.fromkeys((own, version, f"v{version}"))
    names = (f"refs/tags/{tag}^{{commit}}" for tag in tags)
    commit = next((found for name in names if (found := git.resolve(run.workspace, name))), None)
    if not commit:
        raise ROLLBACK_NO_TAG(f"the workspace has no tag {version}")
    tree = git.folder_tree(run.workspace, run.addon, commit)
    with tempfile.TemporaryDirectory(prefix="bb8-rollback-") as folder:
        source = Path(folder) / "addon"
        source.mkdir()
        git.write_tree_files(run.workspace, tree, source)
        yield source, commit


def _ended(run: Run, outcome: RollbackOutcome) -> RollbackOutcome:
    """The outcome of a verified version, with ROLLBACK_OK if that ran before."""
    if outcome.ran_before:
        return _proven(run, outcome)
    _skipped(run, "nothing shows that this tree ran before", outcome.version)
    return outcome


def _skipped(run: Run, why: str, version: str) -> None:
    """Records a rollback that earns no token, so that the history still shows who did it."""
    run.ledger.skip(Token.ROLLBACK_OK, why, version=version, slug=slug_of(run), by=user_and_machine())


def _proven(run: Run, outcome: RollbackOutcome) -> RollbackOutcome:
    run.ledger.emit(
        Token.ROLLBACK_OK,
        version=outcome.version,
        tree=outcome.tree,
        action=outcome.action,
        proof=outcome.proof,
        slug=slug_of(run),
        by=user_and_machine(),
    )
    return outcome
