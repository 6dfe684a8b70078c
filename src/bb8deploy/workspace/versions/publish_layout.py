"""How an app is published: in which layout, from which folder of a commit, and by which names of tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bb8deploy.base.os_differences import real_path
from bb8deploy.catalogue.errors.ship.release import TAG_FORMAT_INVALID
from bb8deploy.settings.settings_table import BB8_LAYOUT
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.find_apps import apps_below, is_store, store_file
from bb8deploy.workspace.project import repository_root

_VERSION, _SLUG = "{version}", "{slug}"
_SUBJECT = "Release "


class Layout(StrEnum):
    """SUBTREE: the app's folder is published as a repository of its own. STORE: the workspace itself is what
    users add to Home Assistant, and its commits are published unchanged.
    """

    SUBTREE = "subtree"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class TagNames:
    """The names of an app's release tags; `form` has `{version}` and may have `{slug}`."""

    form: str
    slug: str

    def of(self, version: str) -> str:
        """The tag of a version."""
        return self._named(version)

    def version_in(self, tag: str) -> str:
        """The version's text in a tag; empty if the tag is not of this form."""
        before, after = self._ends
        if self.form == _VERSION:
            return tag.removeprefix("v")
        fits = tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after)
        return tag[len(before) : len(tag) - len(after)] if fits else ""

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns by which git finds them; where a tag is the version alone, `v1.2.3` counts as well."""
        found = self._named("[0-9]*")
        return (found, f"v{found}") if self.form == _VERSION else (found,)

    @property
    def _ends(self) -> tuple[str, str]:
        before, _, after = self.form.replace(_SLUG, self.slug).partition(_VERSION)
        return before, after

    def _named(self, version: str) -> str:
        return version.join(self._ends)


@dataclass(frozen=True, slots=True)
class Publishing:
    """The layout of an app and why it was chosen. `path` is the app's folder in a published commit, empty if
    the commit is the app alone.
    """

    layout: Layout
    why: str
    path: str
    tags: TagNames

    @property
    def in_store(self) -> bool:
        """True for a store, false for a repository of the app alone."""
        return self.layout is Layout.STORE

    def named(self, version: str) -> str:
        """The version as the subject of its commit has it: with the slug, where several apps have commits."""
        return f"{self.tags.slug} {version}" if self.in_store else version

    def is_bump(self, message: str, version: str) -> bool:
        """Whether a commit with this message set the app's version, alone or with other apps of a store."""
        subject = message.split("\n", 1)[0]
        names = subject.removeprefix(_SUBJECT).split(", ")
        return subject.startswith(_SUBJECT) and self.named(version) in names


def publishing_of(root: Path, addon: Path, settings: Settings) -> Publishing:
    """How the app in `addon` is published from the workspace `root`.

    BB8_LAYOUT decides; if it is `auto`, the repository is a store if it has a repository.yaml at its root and
    HA_PUBLISH_REMOTE, if set, is `origin` or the remote that the branch follows. Asks no remote. Raises
    UsageError TAG_FORMAT_INVALID for a BB8_TAG that makes no tags.
    """
    top = repository_root(addon)
    layout, why = _layout(top or root, addon, settings)
    slug = read_addon(addon).slug
    if layout is Layout.SUBTREE:
        return Publishing(layout, why, "", _tags(root, settings, slug, _VERSION))
    path = g.prefix(addon).rstrip("/") if top else ""
    return Publishing(layout, why, path, _tags(root, settings, slug, f"{_SLUG}-{_VERSION}"))


def bump_subject(named: Sequence[str]) -> str:
    """The subject of a bump commit, for one app or several (`Publishing.named`)."""
    return _SUBJECT + ", ".join(named)


def _layout(top: Path, addon: Path, settings: Settings) -> tuple[Layout, str]:
    if settings.bb8_layout != "auto":
        return Layout(settings.bb8_layout), f"BB8_LAYOUT from {settings.origin_of(BB8_LAYOUT)}"
    if not is_store(top):
        return Layout.SUBTREE, "the repository has no repository.yaml at its root"
    if addon != top and is_store(addon):
        return Layout.SUBTREE, f"{addon.name} has a repository.yaml of its own"
    remote = settings.ha_publish_remote
    if not remote:
        return Layout.STORE, f"the repository has a {store_file(top)} at its root"
    if _is_own(top, remote):
        return (
            Layout.STORE,
            f"{r.shown(remote)} is this repository's own remote, and it has a {store_file(top)}",
        )
    return Layout.SUBTREE, f"{r.shown(remote)} is not this repository's own remote"


def _is_own(root: Path, remote: str) -> bool:
    """Whether a remote, by its name or address, is `origin` or the one that the branch follows."""
    followed = r.upstream(root, g.branch(root))[0]
    own = {_place(root, name) for name in ("origin", followed) if name}
    return _place(root, remote) in own


def _place(root: Path, remote: str) -> str:
    """Where a remote points, in a form that can be compared: addresses end without `.git` and `/`."""
    address = r.address(root, remote)
    local = Path(root, address.removeprefix("file://"))
    if local.exists():
        return str(real_path(local))
    return address.rstrip("/").removesuffix(".git")


def _tags(root: Path, settings: Settings, slug: str, default: str) -> TagNames:
    names = TagNames(settings.bb8_tag or default, slug)
    if names.form.count(_VERSION) != 1:
        raise TAG_FORMAT_INVALID(f"BB8_TAG is `{names.form}`, which does not have {{version}} once")
    tag = names.of("1.0.0")
    if not settings.bb8_tag:
        return names
    if g.call(root, "check-ref-format", f"refs/tags/{tag}").returncode or tag.startswith("-"):
        raise TAG_FORMAT_INVALID(f"BB8_TAG is `{names.form}`, and git takes no tag `{tag}`")
    if _SLUG not in names.form and len(apps_below(root)) > 1:
        raise TAG_FORMAT_INVALID(
            f"BB8_TAG is `{names.form}`, the same for each of the {len(apps_below(root))} apps here",
            "Add {slug}, as in `{slug}-{version}`.",
        )
    return names
