"""Brings an earlier version back: after a failed verification by itself, by hand to any tagged version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, CheckFailed, NotVerified
from bb8deploy.catalogue.errors.app import ROLLBACK_NO_TAG, ROLLBACK_UNPROVABLE
from bb8deploy.host.connect import Host
from bb8deploy.host.supervisor.route import reach
from bb8deploy.lanes.deploy.preview import foresee, foresee_sync
from bb8deploy.lanes.sync.sync import sync
from bb8deploy.lanes.verify.verify import (
    VerifyOptions,
    bring_up,
    is_as_sent,
    slug_of,
    verify,
)
from bb8deploy.plan.identity import UNKNOWN, Expected
from bb8deploy.plan.sync import Stamp
from bb8deploy.runs.journal import PUT_BACK
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git
from bb8deploy.workspace.addon import parse_config
from bb8deploy.workspace.tree import STAMP


@dataclass(frozen=True, slots=True)
class RollbackOutcome:
    """The version that runs again, and by which action it came back."""

    version: str
    tree: str
    action: str


def roll_back(run: Run, host: Host, failed: str = "") -> RollbackOutcome:
    """Puts the host's earlier tree back and has it run, proven as VERIFY_OK is; then ROLLBACK_OK.

    `failed` is the version that goes, empty where that is not known: one of the same number may have replaced
    the earlier build without a word in the log, so that only a new build is believed.

    Needs the lock. Raises CheckFailed where there is no earlier tree or it carries no whole stamp,
    NotVerified where it does not run.
    """
    with run.step(PUT_BACK, host.where):
        found = host.files.restore_previous(run.id)
    stamp = Stamp.parse(found.stamp)
    provable = stamp is not None and is_as_sent(run, found, stamp)
    version = stamp.version if stamp else _version_on(host)
    expected = Expected(version, stamp.tree if stamp and provable else UNKNOWN, stamp.run if stamp else "")
    reached = reach(run.settings, run.addon, host, slug_of(run))
    with closing(reached.supervisor):
        options = VerifyOptions(sent=True, trusts_log=failed not in {"", version})
        work = bring_up(run, host, reached, expected, options)
        decision = work.put_in()
        if not provable:
            raise _unprovable(run, version)
        work.observe()
    return _proven(run, RollbackOutcome(version, expected.tree, decision.action.value))


def _version_on(host: Host) -> str:
    """The version in the host's config.yaml, empty where that cannot be read."""
    data = host.files.read(f"{host.files.runtime}/config.yaml")
    return str(parse_config(data, "config.yaml").get("version", "")) if data else ""


def _unprovable(run: Run, version: str) -> CheckFailed:
    run.ledger.skip(Token.ROLLBACK_OK, "the earlier tree carries no stamp of its content")
    return ROLLBACK_UNPROVABLE(
        f"the earlier tree ({version}) is back and was put in, but carries no stamp that what runs could be "
        "held against"
    )


def roll_back_to(run: Run, host: Host, version: str) -> RollbackOutcome:
    """Deploys the tagged `version` from git and has it run; then ROLLBACK_OK. Needs the lock.

    Raises UsageError where there is no such tag, and whatever sync and verify raise.
    """
    with _tagged(run, version) as (source, commit):
        outcome = sync(run, host, source=source, commit=commit)
        verified = verify(run, host, VerifyOptions(sent=not outcome.nothing_to_do))
    return _proven(run, RollbackOutcome(outcome.version, outcome.digest, verified.action))


def foresee_back(run: Run, host: Host, version: str) -> tuple[str, ...]:
    """What `roll_back`, or `roll_back_to` with a `version`, would do; for a run that is a dry run."""
    if not version:
        stamp = Stamp.parse(host.files.look_back(STAMP).stamp)
        if stamp is None:
            return (f"would put the earlier tree of {host.where} back, if there is one: it has no stamp",)
        back = Expected(stamp.version, stamp.tree, stamp.run)
        lines = foresee(run, host, back, VerifyOptions(sent=True))
        return (f"would put the earlier tree back: {stamp.version} of run {stamp.run}", *lines)
    with _tagged(run, version) as (source, commit):
        synced = sync(run, host, source=source, commit=commit)
        expected = Expected(synced.version, synced.digest, synced.run_id_on_host)
        lines = foresee(run, host, expected, VerifyOptions(sent=not synced.nothing_to_do))
    return (foresee_sync(synced), *lines)


@contextmanager
def _tagged(run: Run, version: str) -> Iterator[tuple[Path, str]]:
    """The add-on's folder as the tag holds it, and the tag's commit."""
    names = (f"refs/tags/{version}^{{commit}}", f"refs/tags/v{version}^{{commit}}")
    commit = next((found for name in names if (found := git.resolve(run.workspace, name))), None)
    if not commit:
        raise ROLLBACK_NO_TAG(f"the workspace has no tag {version}")
    tree = git.folder_tree(run.workspace, run.addon, commit)
    with tempfile.TemporaryDirectory(prefix="bb8-rollback-") as folder:
        source = Path(folder) / "addon"
        source.mkdir()
        git.write_tree_files(run.workspace, tree, source)
        yield source, commit


def after_failure(run: Run, host: Host, failed: NotVerified | CheckFailed) -> NotVerified | CheckFailed:
    """Rolls back after a failed verification and gives the failure with what became of it: NotVerified in any
    case where the rollback failed too."""
    kind = type(failed)
    try:
        outcome = roll_back(run, host, str(run.facts.get("version", "")))
    except Bb8Error as error:
        run.ledger.drift("rollback", error.code, run.clean(error.cause))
        kind, said = NotVerified, f"the rollback failed too: {error.cause}"
    else:
        said = f"rolled back: {outcome.version} runs again, verified"
    return kind(failed.code, f"{failed.cause}; {said}", failed.remedy, details=failed.details)


def _proven(run: Run, outcome: RollbackOutcome) -> RollbackOutcome:
    run.ledger.emit(Token.ROLLBACK_OK, version=outcome.version, tree=outcome.tree, action=outcome.action)
    return outcome
