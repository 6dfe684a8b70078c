"""What the repository and the publish remote say of the current version."""

from __future__ import annotations

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.publish.publish import (
    find_store,
)
from bb8deploy.lanes.publish.survey import source_tree, survey
from bb8deploy.lanes.release.bump import SUBJECT
from bb8deploy.plan.release import release as plan
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace.addon import read_addon


def past_of(run: Run) -> plan.Past:
    """What the repository, and without a tag here the remote, say of the current version."""
    current = read_addon(run.addon).version
    tree = g.resolve(run.workspace, f"HEAD:{g.prefix(run.addon).rstrip('/')}")
    if g.resolve(run.workspace, f"refs/tags/{current}"):
        same = g.folder_tree(run.workspace, run.addon, f"refs/tags/{current}") == tree
        return plan.Past(current, released=same and not g.head_state(run.workspace).dirty)
    if tree and _released_remotely(run, current, tree):
        return plan.Past(current, released=not g.head_state(run.workspace).dirty)
    head = g.read_commit(run.workspace, "HEAD") if g.resolve(run.workspace, "HEAD") else None
    subject = head.message.splitlines()[0] if head and head.message else ""
    return plan.Past(current, at_bump=subject == SUBJECT.format(version=current))


def _released_remotely(run: Run, version: str, tree: str) -> bool:
    """Whether the add-on repository has the version's tag on this content; a clone may lack the tag.

    A remote that does not answer is not an error here: preflight reports it with all other problems.
    """
    if not run.settings.ha_publish_remote:
        return False
    store = find_store(run)
    try:
        found = survey(store, version)
        return tree in {found.tag_tree, source_tree(store, found.tag_commit, run.addon)}
    except Bb8Error:
        return False


def bumped_parent(run: Run, commit: str, version: str) -> str:
    """The commit before the bump, empty if `commit` is not the bump."""
    head = g.read_commit(run.workspace, commit)
    is_bump = head.message.splitlines()[:1] == [SUBJECT.format(version=version)]
    return head.parents[0] if is_bump and head.parents else ""
