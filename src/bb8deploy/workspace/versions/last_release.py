"""The newest release of an app, by the tags in the history of HEAD, and whether its folder changed since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace import git as g
from bb8deploy.workspace.versions.publish_layout import TagNames
from bb8deploy.workspace.versions.version_numbers import parse


@dataclass(frozen=True, slots=True)
class LastRelease:
    """A tag and the version that it names."""

    tag: str
    version: str


def last_release(root: Path, tags: TagNames) -> LastRelease | None:
    """The newest tag of the app that HEAD builds upon, None without one; tags of other apps do not count."""
    words = [f"--match={pattern}" for pattern in tags.patterns]
    while True:
        done = g.call(root, "describe", "--tags", "--abbrev=0", *words, "HEAD")
        if done.returncode:
            return None
        tag = done.stdout.decode(errors="replace").strip()
        if _is_version(version := tags.version_in(tag)):
            return LastRelease(tag, version)
        words.append(f"--exclude={tag}")


def changed_since(root: Path, addon: Path, tag: str) -> bool:
    """Whether the app's folder in HEAD differs from that in a tag; true if the tag does not have it."""
    path = g.prefix(addon).rstrip("/")
    trees = [g.resolve(root, f"{name}:{path}") for name in (f"refs/tags/{tag}^{{commit}}", "HEAD")]
    return trees[0] != trees[1]


def _is_version(text: str) -> bool:
    try:
        parse(text)
    except UsageError:
        return False
    return True
