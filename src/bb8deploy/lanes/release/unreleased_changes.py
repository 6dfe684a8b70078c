"""Finds what the repository and the publish remote have of the current version, and the commits since."""

from __future__ import annotations

import re

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.publish.publish import find_store
from bb8deploy.lanes.publish.remote_state import source_tree, survey
from bb8deploy.plan.release import release_plan as plan
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.versions.last_release import last_release
from bb8deploy.workspace.versions.publish_layout import Publishing, publishing_of

_BUMP = re.compile(r"Release (?:\S+ )?\d\S*(?:, \S+ \d\S*)*")


def past_of(run: Run) -> plan.Past:
    """What the repository, and without a tag here the remote, have of the current version."""
    current = read_addon(run.addon).version
    how = publishing_of(run.workspace, run.addon, run.settings)
    messages = tuple(messages_since(run, how))
    first = last_release(run.workspace, how.tags) is None
    tree = g.resolve(run.workspace, f"HEAD:{g.prefix(run.addon).rstrip('/')}")
    tag = how.tags.of(current)
    if g.resolve(run.workspace, f"refs/tags/{tag}"):
        same = g.folder_tree(run.workspace, run.addon, f"refs/tags/{tag}") == tree
        return plan.Past(current, released=same and not g.head_state(run.workspace).dirty, messages=messages)
    if tree and _released_remotely(run, tag, tree):
        return plan.Past(current, released=not g.head_state(run.workspace).dirty, messages=messages)
    head = g.read_commit(run.workspace, "HEAD") if g.resolve(run.workspace, "HEAD") else None
    at_bump = head is not None and how.is_bump(head.message, current)
    return plan.Past(current, at_bump=at_bump, messages=messages, first=first)


def messages_since(run: Run, how: Publishing) -> list[str]:
    """The messages of the commits that changed the app since its last release, the oldest first, no bumps."""
    if not g.resolve(run.workspace, "HEAD"):
        return []
    since = _last_release(run, how)
    found = g.messages(run.workspace, since, f":(top){g.prefix(run.addon).rstrip('/')}")
    return [text for text in found if not _BUMP.fullmatch(text.split("\n", 1)[0])]


def _last_release(run: Run, how: Publishing) -> str:
    """The newest tag of the app, else the commit that set the version, else an empty string."""
    last = last_release(run.workspace, how.tags)
    if last:
        return f"refs/tags/{last.tag}"
    config = str(read_addon(run.addon).config)
    return g.git(run.workspace, "log", "-1", "--format=%H", "-G^version:", "--", config)


def _released_remotely(run: Run, tag: str, tree: str) -> bool:
    """Whether the publish remote has the version's tag on this content; a clone may lack the tag.

    A remote that does not answer is not an error here: preflight reports it with all other problems.
    """
    if not run.settings.ha_publish_remote:
        return False
    store = find_store(run)
    try:
        found = survey(store, tag)
        return tree in {found.tag_tree, source_tree(store, found.tag_commit, run.addon)}
    except Bb8Error:
        return False


def bumped_parent(run: Run, commit: str, version: str) -> str:
    """The commit before the bump, empty if `commit` is not the bump."""
    head = g.read_commit(run.workspace, commit)
    how = publishing_of(run.workspace, run.addon, run.settings)
    return head.parents[0] if how.is_bump(head.message, version) and head.parents else ""
