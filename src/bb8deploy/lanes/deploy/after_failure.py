"""Decides what to do with the host after a failed deploy, and restores the earlier tree."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error, CheckFailed, NotVerified, Unreachable
from bb8deploy.catalogue.errors.app import IDENTITY_MISSING, JOB_UNFINISHED, SEAL_MISSING
from bb8deploy.catalogue.errors.host import RUNTIME_NOT_OURS
from bb8deploy.catalogue.errors.supervisor import ROUTE_ONLY_SERVICE
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import options_route
from bb8deploy.lanes.deploy.earlier_trees import last_that_ran
from bb8deploy.lanes.deploy.rollback import roll_back, roll_back_untouched
from bb8deploy.lanes.deploy.undo_sync import put_back_files
from bb8deploy.lanes.deploy.withdraw_files import reload_store, withdraw
from bb8deploy.lanes.host_session import slug_of
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.verify.app_options import set_settings
from bb8deploy.lanes.verify.supervisor_actions import START_DEADLINE
from bb8deploy.plan.app_settings import AppSettings, body_of
from bb8deploy.plan.logs.identity_line import Identity
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.runs.run import Run
from bb8deploy.workspace.tree_digest import STAMP

# Going back would not help: nothing is wrong with the app, or the way to see it is missing.
_STAYS = {IDENTITY_MISSING.code, SEAL_MISSING.code, ROUTE_ONLY_SERVICE.code}
# The Supervisor is still at work: what will run in the end is not known, so nothing may be undone.
_UNKNOWN = {JOB_UNFINISHED.code}


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed verification.

    - `sent`: this deploy changed the app folder.
    - `touched`: the Supervisor may have changed the container.
    - `installed`: the version that was installed before, empty if there was none.
    - `ran`: what the app reported that ran before.
    - `settings`: the app's earlier settings, if this deploy has set others.
    - `built_as_sent`: the run that sent the replaced tree, if what ran was built from exactly that tree.
    """

    error: Bb8Error
    synced: SyncOutcome
    sent: bool
    touched: bool
    installed: str
    ran: Identity | None = None
    settings: AppSettings | None = None
    built_as_sent: str = ""


def recover(run: Run, host: Host, failed: Failed) -> Bb8Error:
    """Restores the earlier tree if this deploy replaced it; returns the error, which then says what was done.

    The container is touched only if this deploy has touched it; otherwise only the files are restored.
    """
    error = failed.error
    if error.code in _STAYS:
        return error
    if error.code in _UNKNOWN or (isinstance(error, Unreachable) and failed.touched):
        return _with_detail(error, _on_host(failed)) if failed.sent else error
    if _is_first(host, failed):
        return _withdraw(run, host, failed)
    if stays := _why_not_back(host, failed):
        stays += _restore_settings(run, host, failed)
        if isinstance(error, Unreachable):
            return _with_detail(error, _on_host(failed)) if failed.sent else error
        return _with_ending(error, f"not rolled back: {stays}")
    run.ledger.drift("verify", error.code, run.clean(error.cause))
    if isinstance(error, Unreachable):
        return _restore_files(run, host, failed)
    return _roll_back(run, host, failed)


def _is_first(host: Host, failed: Failed) -> bool:
    """True if this deploy made or filled the app folder, or one that it resumes did: no tree was there."""
    plan = failed.synced.plan
    if not failed.sent or (plan.replaces and not plan.nothing):
        return False
    try:
        return not host.files.earlier()
    except Bb8Error:
        return False


def _withdraw(run: Run, host: Host, failed: Failed) -> Bb8Error:
    """Removes the files of a failed first deploy, unless the app was installed from them."""
    error, unreachable = failed.error, isinstance(failed.error, Unreachable)
    if not unreachable:
        run.ledger.drift("verify", error.code, run.clean(error.cause))
    if failed.touched or (failed.installed and failed.synced.plan.replaces):
        return _with_ending(error, "not rolled back: the host has no earlier tree, and the app is installed")
    what = withdraw(run, host, failed.synced)
    if unreachable:
        return _with_detail(error, what)
    reload_store(run, host, failed.synced)
    return _with_ending(error, what)


def _restore_settings(run: Run, host: Host, failed: Failed) -> str:
    """Restores the app's settings if no files were sent; returns the result as the end of a sentence."""
    if failed.settings is None:
        return ""
    slug = slug_of(run)
    try:
        set_settings(run, host, slug, body_of(AppSettings(), failed.settings))
        with closing(options_route(run.settings, run.addon, host)) as way:
            way.act("restart", slug, deadline=START_DEADLINE)
    except Bb8Error as error:
        return f"; its earlier options could not be put back: {error.cause}"
    return "; its earlier options are back, and it was restarted"


def _roll_back(run: Run, host: Host, failed: Failed) -> Bb8Error:
    """Restores the earlier tree and runs it; returns NotVerified if that fails too."""
    error = failed.error
    try:
        _require_own_tree(host, failed)
        if failed.touched:
            ran = failed.ran
            resumed = ran is not None and ran.is_(failed.synced.expected)  # what ran is what failed
            name = last_that_ran(host, None if resumed else ran)
            outcome = roll_back(
                run,
                host,
                name,
                failed=failed.synced.version,
                ran=failed.ran,
                settings=failed.settings,
                built_as_sent=failed.built_as_sent,
                installed_before=failed.installed,
            )
        else:
            outcome = roll_back_untouched(run, host, built_as_sent=failed.built_as_sent)
    except Bb8Error as second:
        run.ledger.drift("rollback", second.code, run.clean(second.cause))
        cause = f"{error.cause}; the rollback failed too: {second.cause}"
        return NotVerified(error.code, cause, error.remedy, details=error.details)
    return _with_ending(error, f"rolled back: {outcome.in_words}")


def _restore_files(run: Run, host: Host, failed: Failed) -> Bb8Error:
    """Restores the earlier files without the Supervisor, which cannot be reached."""
    error = failed.error
    try:
        _require_own_tree(host, failed)
        put_back_files(run, host)
    except Bb8Error as second:
        return _with_detail(error, f"the earlier files were not put back: {second.cause}")
    return _with_detail(error, "the earlier files are back on the host; the app was not touched")


def _require_own_tree(host: Host, failed: Failed) -> None:
    """Raises CheckFailed RUNTIME_NOT_OURS if the app folder holds another tree than this deploy put in.

    A hand edit of that tree may be swapped away, because the swap keeps it. An absent folder loses nothing.
    """
    found, sent = host.files.look(), failed.synced.expected
    stamp = Stamp.parse(found.stamp)
    ours = stamp is not None and (stamp.tree, stamp.run) == (sent.tree, sent.run)
    if found.present and not ours:
        raise RUNTIME_NOT_OURS(
            f"{host.files.where} holds another tree than this deploy put in, so nothing was swapped",
            "Look at the folder on the host, move its content away, then deploy again.",
        )


def _why_not_back(host: Host, failed: Failed) -> str:
    """Why the earlier tree is not restored; empty if it is the one that this deploy replaced."""
    if not failed.sent:
        return "nothing was sent by this run"
    try:
        known = failed.synced.archive or host.files.look_back(STAMP).stamp
    except Bb8Error as error:
        return error.cause
    return "" if known else "the host has no earlier tree"


def _on_host(failed: Failed) -> str:
    version = failed.synced.version
    return f"the files of {version} are on the host already; `deploy --resume` goes on from there"


def _with_detail(error: Bb8Error, line: str) -> Bb8Error:
    error.details = (*error.details, line)
    return error


def _with_ending(error: Bb8Error, ending: str) -> Bb8Error:
    kind = NotVerified if isinstance(error, NotVerified) else CheckFailed
    return kind(error.code, f"{error.cause}; {ending}", error.remedy, details=error.details)
