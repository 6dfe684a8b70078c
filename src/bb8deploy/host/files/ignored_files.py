"""Decides which ignored files the app folder has after an earlier tree went back: those that it has now."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.workspace.ignore_patterns import Ignore, is_litter
from bb8deploy.workspace.tree_digest import Entry, FoundTree


@dataclass(frozen=True, slots=True)
class IgnoredFiles:
    """Paths that match the ignore patterns, sorted.

    `carried` are files of the present app folder that the earlier tree does not have with this content; they
    are copied into it. `left` are files of the earlier tree that stay out of the app folder; the host then
    goes on to keep that tree. `blocked` are files of the present app folder for which the earlier tree has no
    place. `revived` came back with the earlier tree, because there was no app folder. `compared` is False if
    another program wrote into one of the trees: the ignored files are then those of the earlier tree, and the
    host keeps both trees.
    """

    carried: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    revived: tuple[str, ...] = ()
    compared: bool = True

    @property
    def keeps_earlier(self) -> bool:
        """True if the earlier tree has files that are nowhere else."""
        return bool(self.left) or not self.compared


@dataclass(frozen=True, slots=True)
class RestoredTree:
    """The app folder after an earlier tree went back, and what happened to the ignored files."""

    tree: FoundTree
    ignored: IgnoredFiles = IgnoredFiles()


def ignored_files(earlier: FoundTree, present: FoundTree, ignore: Ignore) -> IgnoredFiles:
    """What happens to the ignored files if `earlier` replaces `present`. Pure."""
    kept, mine = _ignored(earlier, ignore), _ignored(present, ignore)
    if not present.present:
        return IgnoredFiles(revived=tuple(sorted(kept)))
    differing = {path for path, entry in mine.items() if not _same(entry, kept.get(path))}
    blocked = {path for path in differing if _is_blocked(path, earlier, ignore)}
    left = {path for path, entry in kept.items() if not _same(entry, mine.get(path))}
    return IgnoredFiles(tuple(sorted(differing - blocked)), tuple(sorted(left)), tuple(sorted(blocked)))


def shown(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `paths` that a user wrote, not what a file manager or Python created by itself."""
    made = (".pyc", ".pyo")
    return tuple(path for path in paths if not path.endswith(made) and not is_litter(path.rpartition("/")[2]))


def _ignored(tree: FoundTree, ignore: Ignore) -> dict[str, Entry]:
    return {path: entry for path, entry in tree.manifest.by_path.items() if ignore.ignores_file(path)}


def _same(one: Entry, other: Entry | None) -> bool:
    return other is not None and one.content == other.content


def _is_blocked(path: str, earlier: FoundTree, ignore: Ignore) -> bool:
    """True if the earlier tree has a folder at `path`, or a file of its own where its folder must be."""
    if path in earlier.folders:
        return True
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return any(place in earlier.manifest.by_path and not ignore.ignores_file(place) for place in above)
