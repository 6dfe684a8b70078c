"""The store layout: checks that the workspace's own commits are not pushed to the branch that users get."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, CheckFailed
from bb8deploy.catalogue.errors.ship.publish import BRANCH_OTHER, REMOTE_AHEAD, SPLIT_IN_STORE
from bb8deploy.lanes.publish.outcome import PublishTask
from bb8deploy.lanes.publish.outgoing_tree_check import require_private_history
from bb8deploy.lanes.publish.remote_state import Store
from bb8deploy.plan.release.push_plan import Pushes, Relation, RemoteState, decide_in_store, pull_command
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.find_apps import apps_below
from bb8deploy.workspace.project import repository_root
from bb8deploy.workspace.versions.last_release import changed_since, last_release
from bb8deploy.workspace.versions.publish_layout import publishing_of

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Content:
    """What a store shall have: a commit, the app's tree in it, and the name of its tag."""

    commit: str
    tree: str
    tag: str


def plan_in_store(one: PublishTask, state: RemoteState) -> Pushes:
    """Decides what the remote lacks of the commit and its tag.

    Raises CheckFailed if the remote is another repository, has commits that HEAD does not have, or the
    version's tag with other content, if HEAD is on another branch than the store's, and if one of the commits
    has a private file.
    """
    run, store, source = one.run, one.store, one.source
    if one.options.subtree_split:
        raise SPLIT_IN_STORE("this repository is published as a store, which cannot be split")
    commit = source.commit.sha
    one.outcome = replace(one.outcome, commit=commit, method="commit")
    relation = relation_of(store, state.tip, commit)
    wanted = _decide(run, store, state, Content(commit, source.tree, source.tag), relation)
    if wanted.branch:
        require_branch(run, store)
        require_private_history(run, commit, [state.tip] if state.tip else [])
    return wanted


def require_room(run: Run, store: Store, state: RemoteState, content: Content, *, will_bump: bool) -> None:
    """Raises CheckFailed if a release could not be published later; preflight asks this.

    `content` is what HEAD has now, with the tag of the version to come. `will_bump`: a commit on top of HEAD
    follows, so that the remote may not have newer commits at all.
    """
    relation = relation_of(store, state.tip, content.commit)
    if will_bump and relation is Relation.HOLDS_IT and state.tip != content.commit:
        relation = Relation.DIVERGED
    _decide(run, store, state, content, relation)
    require_branch(run, store)
    require_private_history(run, content.commit, [state.tip] if state.tip else [])


def _decide(run: Run, store: Store, state: RemoteState, content: Content, relation: Relation) -> Pushes:
    ours = bool(state.tag_commit) and r.contains(run.workspace, content.commit, state.tag_commit)
    try:
        return decide_in_store(
            state,
            relation,
            content.tree,
            content.tag,
            tag_is_ours=ours,
            shown=f"{store.branch} of {store.shown}",
            pull=pull_command(r.shown(store.remote), store.branch),
        )
    except CheckFailed as error:
        raise _with_commits(run, error, state.tip, content.commit) from None


def relation_of(store: Store, tip: str, commit: str) -> Relation:
    """How the remote's branch relates to `commit`. In a shallow clone an unknown history is diverged."""
    if not tip:
        return Relation.ABSENT
    if r.contains(store.folder, tip, commit):
        return Relation.HOLDS_IT
    if r.contains(store.folder, commit, tip):
        return Relation.OLDER
    related = g.call(store.folder, "merge-base", commit, tip).returncode == 0
    return Relation.DIVERGED if related or is_shallow(store) else Relation.UNRELATED


def is_shallow(store: Store) -> bool:
    """Whether the workspace is a clone without its whole history."""
    return g.git(store.folder, "rev-parse", "--is-shallow-repository") == "true"


def require_branch(run: Run, store: Store) -> None:
    """Raises BRANCH_OTHER unless HEAD's branch is that of the store, by its name or as what it follows."""
    here = g.branch(run.workspace)
    if here == store.branch:
        return
    remote, followed = r.upstream(run.workspace, here) if here else ("", "")
    if followed == store.branch and r.address(run.workspace, remote) == store.shown:
        return
    where = f"on the branch {here}" if here else "on no branch"
    raise BRANCH_OTHER(f"HEAD is {where}, and users get {store.branch} of {store.shown}")


def warn_of_other_apps(run: Run, pushed: Collection[Path]) -> None:
    """Warns of apps that changed since their newest tag: the commit publishes these changes too.

    `pushed` are the folders of the apps that are published now.
    """
    for app in apps_below(repository_root(run.addon) or run.workspace):
        if app in pushed:
            continue
        try:
            last = last_release(run.workspace, publishing_of(run.workspace, app, run.settings).tags)
            if last and changed_since(run.workspace, app, last.tag):
                run.progress.warn(
                    f"the commit also publishes changes of {app.name}, unreleased since {last.tag}"
                )
        except Bb8Error:
            continue  # a folder that cannot be read as an app is not this release's concern


def _with_commits(run: Run, error: CheckFailed, tip: str, commit: str) -> CheckFailed:
    """The error with the commits that are missing here."""
    if error.code != REMOTE_AHEAD.code:
        return error
    words = ("log", "--format=%h %an: %s", f"-{_NAMED}", f"{commit}..{tip}", "--")
    error.details = tuple(g.git(run.workspace, *words).splitlines())
    if g.git(run.workspace, "rev-parse", "--is-shallow-repository") == "true":
        error.details = (*error.details, "this clone is shallow: `git fetch --unshallow` gets its history")
    return error
