"""Syncs the app, and restores the earlier files if the host then holds anything else than was planned."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, CheckFailed, Interrupted, Refused, Unreachable
from bb8deploy.base.short_lists import first_few
from bb8deploy.catalogue.errors.app import ROLLBACK_UNPROVABLE
from bb8deploy.catalogue.errors.host import HOST_TREE_MOVING, SYNC_MISMATCH
from bb8deploy.host.files.app_folder_interface import PREVIOUS
from bb8deploy.host.files.ignored_files import IgnoredFiles, shown
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.deploy.earlier_trees import is_left
from bb8deploy.lanes.deploy.withdraw_files import withdraw_rest
from bb8deploy.lanes.sync.hand_edits import archive_of
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.plan_from_workspace import AppRead
from bb8deploy.lanes.sync.sync import sync
from bb8deploy.plan.sync_plan import Stamp, SyncPlan
from bb8deploy.runs.journal import PUT_BACK
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import NO_RECORD, STAMP, FoundTree

NAMED = 5
_OTHER = (
    "another version: `bb8deploy rollback --list` shows the earlier trees, and `bb8deploy rollback VERSION`"
    " takes a tagged version from git."
)


def sync_or_undo(
    run: Run,
    host: Host,
    *,
    approve: Callable[[SyncPlan], object],
    source: Path | None = None,
    commit: str | None = None,
    app: AppRead | None = None,
    by_rsync: bool = False,
    with_diff: bool = False,
) -> SyncOutcome:
    """Does what `sync` does; if it fails after the swap, restores the earlier files.

    What another program changed meanwhile is kept as an earlier tree. Needs the lock. Raises what `sync`
    raises; the cause then states whether the files were restored.
    """
    approved: list[SyncPlan] = []

    def keep(plan: SyncPlan) -> None:
        approve(plan)
        approved.append(plan)

    try:
        return sync(
            run,
            host,
            source=source,
            commit=commit,
            app=app,
            by_rsync=by_rsync,
            with_diff=with_diff,
            approve=keep,
        )
    except Bb8Error as error:
        if approved and (ending := _undo(run, host, approved[-1], error)):
            raise CheckFailed(
                error.code, f"{error.cause}; {ending}", error.remedy, details=error.details
            ) from error
        raise


def put_back_files(run: Run, host: Host) -> None:
    """Restores the earlier files, and nothing else. Needs the lock.

    They are restored even if they cannot be hashed because another program writes into the folder.
    """
    try:
        put_back(run, host)
    except CheckFailed as error:
        if error.code != HOST_TREE_MOVING.code:
            raise
    host.record_put_in(NO_RECORD)


@contextmanager
def to_its_end(host: Host, version: str, asked: str = "") -> Iterator[None]:
    """Runs the files of `version`, which a rollback has put in. If that fails, the error names them.

    It also states how to go on; `asked` is the version that the user named, empty if none was.
    As long as the host has the record of the swap, the next rollback completes this one. A failure leaves it
    there, as a kill does: the app may still run what the user wanted to leave, so nothing is put back again.
    A tree that runs, and only cannot be proven, needs no other rollback.
    """
    try:
        yield
    except (Unreachable, Interrupted):
        raise
    except Bb8Error as error:
        if error.code == ROLLBACK_UNPROVABLE.code:
            host.record_put_in(NO_RECORD)
        else:
            tried = _completed_by_next(host)
            again = ", and the next `rollback` tries them again" if tried else ""
            error.cause = f"{error.cause}; {_files(version)} stay in the app folder{again}"
            error.remedy = f"{error.remedy} {_retry(asked) if asked or tried else 'Name'} {_OTHER}"
        raise


def _completed_by_next(host: Host) -> bool:
    """Whether a `rollback` without a version would try the app folder's files again; False if unknown."""
    with suppress(Bb8Error):
        return is_left(host.files.in_place())
    return False


def _files(version: str) -> str:
    return f"the files of {version}" if version else "the earlier files"


def _retry(asked: str) -> str:
    word = f" {shlex.quote(asked)}" if asked else ""
    return f"When the cause is fixed, run `bb8deploy rollback{word}` again, or name"


def put_back(run: Run, host: Host, name: str = PREVIOUS) -> FoundTree:
    """Puts the earlier tree `name` back, and reports which ignored files it has. Needs the lock."""
    with run.step(PUT_BACK, host.where):
        restored = host.files.restore_previous(run.id, Ignore.of_workspace(run.workspace), name)
    _report_ignored(run, host, restored.ignored)
    return restored.tree


def _report_ignored(run: Run, host: Host, ignored: IgnoredFiles) -> None:
    """Names the ignored files of the host, such as secrets.yaml, that differ between the two trees."""
    kept = f"kept in {archive_of(host.files.runtime).rpartition('/')[0]}"
    if stay := shown(ignored.carried):
        run.progress.note(f"ignored files of the app folder are not rolled back: {first_few(stay, NAMED)}")
    if gone := shown(tuple(path for path in ignored.left if path not in ignored.carried)):
        names = first_few(gone, NAMED)
        run.progress.warn(f"ignored files of the earlier tree are not put back: {names}; {kept}")
    if ignored.blocked:
        run.progress.warn(
            f"the earlier tree has no place for ignored files: {first_few(ignored.blocked, NAMED)}; {kept}"
        )
    if back := shown(ignored.revived):
        run.progress.warn(f"ignored files came back with the earlier tree: {first_few(back, NAMED)}")
    if not ignored.compared:
        run.progress.warn(
            "another program wrote into the app folder, so its ignored files are those of the earlier tree; "
            f"the newer ones are {kept}"
        )


def _undo(run: Run, host: Host, plan: SyncPlan, error: Bb8Error) -> str:
    """Restores the files if they were swapped; returns the result as the end of a sentence, else empty."""
    lost = isinstance(error, Unreachable) and not isinstance(error, Refused)
    if plan.nothing or lost or not _is_swapped(run, host, error):
        return ""
    if not plan.replaces:
        return withdraw_rest(run, host, plan)
    try:
        if not _is_previous(host, plan.earlier):
            return "not put back: the newest earlier tree is not the one that this run replaced"
        put_back_files(run, host)
    except Bb8Error as second:
        return f"the earlier files were not put back: {second.cause}"
    kept = archive_of(host.files.runtime)
    return f"the earlier files are back, and the tree that was changed meanwhile is kept in {kept}"


def _is_swapped(run: Run, host: Host, error: Bb8Error) -> bool:
    """True if the app folder holds what this run sent, whatever was changed in it since."""
    if error.code == SYNC_MISMATCH.code:
        return True
    with suppress(Bb8Error):
        data = host.files.read(f"{host.files.runtime}/{STAMP}") or b""
        stamp = Stamp.parse(data.decode("utf-8", "replace"))
        return stamp is not None and stamp.run == run.id
    return False


def _is_previous(host: Host, replaced: Stamp | None) -> bool:
    return Stamp.parse(host.files.look_back(STAMP).stamp) == replaced
