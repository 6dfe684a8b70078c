"""The subtree layout: the commit that brings the app's folder to a repository of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bb8deploy.catalogue.errors.ship.publish import REMOTE_DIVERGED, SPLIT_AND_IMAGE
from bb8deploy.lanes.publish.committed_source import Publication
from bb8deploy.lanes.publish.outcome import PublishOptions, PublishTask
from bb8deploy.lanes.publish.outgoing_tree_check import require_private_history
from bb8deploy.lanes.publish.remote_ownership import allowed_loss, require_app_repository
from bb8deploy.lanes.publish.remote_state import SOURCE_TRAILER, TREE_TRAILER, HandEdits
from bb8deploy.plan.release.push_plan import Pushes, RemoteState, decide
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r


def plan_subtree(one: PublishTask, state: RemoteState) -> Pushes:
    """Decides what to push, and writes the commit for it if the branch needs one.

    Raises CheckFailed for a source repository, hand edits and a taken tag.
    """
    run, store, source, options = one.run, one.store, one.source, one.options
    require_app_repository(run, store, state)
    wanted = decide(state, source.tree, source.tag)
    lost = HandEdits()
    if wanted.branch:
        lost = allowed_loss(run, store, state, source.tree, overwrite=options.overwrite)
    if lost.paths:
        run.progress.warn(f"overwriting hand edits on the remote: {', '.join(lost.paths)}")
    commit = _commit(run, source, state, options) if wanted.branch else state.tip
    method = "subtree-split" if options.subtree_split else "commit-tree"
    one.outcome = replace(one.outcome, commit=commit, overwritten=lost.paths, method=method)
    return wanted


def _commit(run: Run, source: Publication, state: RemoteState, options: PublishOptions) -> str:
    if options.subtree_split:
        return _split(run, source, state)
    words = {SOURCE_TRAILER: source.commit.sha, TREE_TRAILER: source.tree}
    message = g.with_trailers(run.workspace, source.commit.message, words)
    parents = [state.tip] if state.tip else []
    return g.write_commit(run.workspace, source.tree, parents, source.commit, message)


def _split(run: Run, source: Publication, state: RemoteState) -> str:
    """`git subtree split`: every commit of the folder rewritten, which takes minutes in a long history."""
    top = g.git(run.workspace, "rev-parse", "--show-toplevel")
    folder = g.prefix(run.addon).rstrip("/")
    with run.step("publish: git subtree split"):
        text = g.git(Path(top), "subtree", "split", "-q", "-P", folder, "HEAD", deadline=3600)
    commit = text.splitlines()[-1].strip()
    if g.resolve(run.workspace, f"{commit}^{{tree}}") != source.tree:
        raise SPLIT_AND_IMAGE("--subtree-split publishes the folder as it is, without `image:`")
    if state.tip and not r.contains(run.workspace, commit, state.tip):
        raise REMOTE_DIVERGED(
            "the remote's branch is not an ancestor of the commit that `git subtree split` made"
        )
    require_private_history(run, commit, [state.tip] if state.tip else [])
    return commit
