"""Checks whose repository the publish remote is, before anything is pushed: it must be this app's."""

from __future__ import annotations

from bb8deploy.base.short_lists import first_few
from bb8deploy.catalogue.errors.ship.publish import REMOTE_EDITED, REMOTE_FOREIGN, SOURCE_REPOSITORY
from bb8deploy.lanes.publish.remote_state import HandEdits, Store, hand_edits, is_source
from bb8deploy.plan.release.push_plan import RemoteState
from bb8deploy.runs.run import Run

_NAMED = 5


def require_app_repository(run: Run, store: Store, state: RemoteState) -> None:
    """Raises SOURCE_REPOSITORY if the remote's branch holds sources: publishing would replace them."""
    if is_source(store, state.tip, run.addon):
        raise SOURCE_REPOSITORY(f"{store.branch} of {store.shown} holds the sources of this workspace")


def allowed_loss(run: Run, store: Store, state: RemoteState, tree: str, *, overwrite: bool) -> HandEdits:
    """The hand edits that publishing `tree` overwrites.

    Raises REMOTE_EDITED for any edit without `overwrite`, and REMOTE_FOREIGN for files that never came from
    the app, which nothing allows to remove.
    """
    edits = hand_edits(store, state.tip, tree, run.addon)
    if edits.paths and not overwrite:
        names = first_few(edits.paths, _NAMED)
        raise REMOTE_EDITED(f"{store.shown} was edited by hand: {names}", details=edits.diff)
    if edits.foreign:
        raise REMOTE_FOREIGN(
            f"{store.shown} has {len(edits.foreign)} file(s) that never came from this app",
            details=edits.foreign,
        )
    return edits


def warn_of_default_branch(run: Run, store: Store, state: RemoteState) -> None:
    """Home Assistant follows the default branch of a store, unless its address ends in `#BRANCH`."""
    if state.tip and state.default_branch != store.branch:
        other = f"`{state.default_branch}`" if state.default_branch else "one that does not exist"
        run.progress.warn(
            f"the default branch of {store.shown} is {other}, not `{store.branch}`: change it there, or add "
            f"the store to Home Assistant as ADDRESS#{store.branch}"
        )
