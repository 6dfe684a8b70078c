"""A folder as a list of files with hashes, the digest that names its content, and what differs."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from bb8deploy.base.errors import UsageError
from bb8deploy.base.os_differences import real_path
from bb8deploy.catalogue.errors.workspace import (
    ADDON_MISSING,
    SYMLINK_OUTSIDE,
    TREE_NAME_NOT_UTF8,
    TREE_SPECIAL_FILE,
    TREE_TOO_LARGE,
    TREE_UNREADABLE,
)
from bb8deploy.workspace.folder_walk import walk_items
from bb8deploy.workspace.ignore_patterns import Ignore

STAMP = "build_stamp.json"
PIECE = 128 * 1024
MAX_FILES = 50_000
MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a symbolic link: `path` relative with forward slashes, `sha256` of the content in hex.

    For a link the hash is that of its target's text; `size` is in bytes; `executable` is the owner's bit.
    """

    path: str
    kind: Literal["file", "link"]
    sha256: str
    size: int
    executable: bool
    target: str = ""

    @property
    def content(self) -> tuple[str, str]:
        """What must be equal for two entries of one path to have the same content."""
        return self.kind, self.sha256


@dataclass(frozen=True)
class Manifest:
    """The entries of a tree, sorted by the bytes of their paths."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Manifest:
        """A manifest of entries in any order."""
        return cls(tuple(sorted(entries, key=lambda entry: os.fsencode(entry.path))))

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` over every path and content but the stamp's; executable bits do not count."""
        return digest_of((entry.path, entry.sha256) for entry in self.entries)

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """The entries by their path."""
        return {entry.path: entry for entry in self.entries}

    @property
    def size(self) -> int:
        """Bytes of all contents."""
        return sum(entry.size for entry in self.entries)

    def folders(self) -> frozenset[str]:
        """Every folder that contains entries, without the root."""
        return frozenset(_parents(entry.path for entry in self.entries))


@dataclass(frozen=True, slots=True)
class TreeDiff:
    """Paths that must be added, changed, removed, or only get another executable bit, each sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.modes)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that differs, sorted."""
        return tuple(sorted({*self.added, *self.changed, *self.removed, *self.modes}))


_BACK = "back"


@dataclass(frozen=True, slots=True)
class PutIn:
    """What the Supervisor has built from an app folder, as recorded beside it; empty if that is not known.

    `run` sent it; `times` is the digest of the times that the folder's paths had before the build. If a run
    that is not at its end put the tree there back, both are empty, and `back` is the run that sent the tree.
    """

    run: str = ""
    times: str = ""
    back: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the record that `str` gives."""
        run, _, times = text.strip().partition(" ")
        return cls(back=times) if run == _BACK else cls(run, times)

    def __str__(self) -> str:
        words = (self.run, self.times) if self.back is None else (_BACK, self.back)
        return " ".join(words).rstrip()


NO_RECORD = PutIn()
"""What is recorded if nothing is known, and what ends the record of a tree that was put back."""


@dataclass(frozen=True, slots=True)
class FoundTree:
    """What was observed at a place that should contain the tree: nothing is filtered yet.

    `folders` are all folders but the root; `others` are neither file, folder nor link (sockets, pipes);
    `stamp` is the text of build_stamp.json; `modes_known` is False if the place has no executable bits,
    `folds_names` True if it may give back a name in another Unicode form than it was given. `configs` are
    the texts of the config files at its top, by name; `cut` is True if the folder is missing because a swap
    was interrupted between its renames. `times` are when the paths were last changed in any way, in the
    place's own form and `.` for the root itself; empty if the place has none. `change_times` is False if a
    writer can set these times back, as where only modification times are kept. `put_in` is what the
    Supervisor has built from this folder.
    """

    present: bool
    manifest: Manifest = field(default_factory=lambda: Manifest(()))
    folders: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    stamp: str = ""
    modes_known: bool = True
    folds_names: bool = False
    configs: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    times: Mapping[str, str] = field(default_factory=dict, compare=False)
    change_times: bool = field(default=True, compare=False)
    put_in: PutIn = field(default_factory=PutIn, compare=False)


def digest_of(pairs: Iterable[tuple[str, str]]) -> str:
    """The tree digest of (path, sha256 hex) pairs in any order; the stamp at the root is left out."""
    lines = sorted((os.fsencode(path), sha) for path, sha in pairs if path != STAMP)
    total = hashlib.sha256()
    for path, sha in lines:
        total.update(sha.encode() + b"  " + path + b"\0")
    return f"sha256:{total.hexdigest()}"


def diff(have: Manifest, want: Manifest, *, modes: bool = True) -> TreeDiff:
    """What turns `have` into `want`; executable bits are compared only with `modes`."""
    old, new = have.by_path, want.by_path
    both = old.keys() & new.keys()
    changed = {path for path in both if old[path].content != new[path].content}
    return TreeDiff(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(changed)),
        removed=tuple(sorted(old.keys() - new.keys())),
        modes=tuple(sorted(p for p in both - changed if modes and _mode_differs(old[p], new[p]))),
    )


def walk(root: Path, ignore: Ignore) -> Manifest:
    """Reads and hashes every file of `root` that is not ignored; links are carried, never followed.

    Raises UsageError for a folder that cannot be read or is too large, CheckFailed for a link that leads
    out, a name that is not UTF-8, or something that is neither file, folder nor link.
    """
    if not root.is_dir():
        raise ADDON_MISSING(f"the folder {root} does not exist")
    entries: list[Entry] = []
    total = 0
    found = walk_items(
        root, skip=lambda path, is_dir: ignore.ignored(path, is_dir=is_dir), unreadable=_refuse_unreadable
    )
    for item in found:
        _check_name(item.path)
        if item.is_dir:
            continue
        entry = _entry(root, item.path, item.entry)
        entries.append(entry)
        total += entry.size
        _bound(root, len(entries), total)
    return Manifest.of(entries)


def hash_file(path: str | Path) -> str:
    """The SHA-256 of a file's content in hex."""
    total = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each file costs as much as its hash
        while data := file.read(PIECE):
            total.update(data)
    return total.hexdigest()


def link_entry(path: str, target: str) -> Entry:
    """The entry of a symbolic link."""
    data = os.fsencode(target)
    return Entry(path, "link", hashlib.sha256(data).hexdigest(), len(data), executable=False, target=target)


def bytes_entry(path: str, data: bytes, *, executable: bool = False) -> Entry:
    """The entry of a file with this content."""
    return Entry(path, "file", hashlib.sha256(data).hexdigest(), len(data), executable)


def leads_out(path: str, target: str) -> bool:
    """True for a link at `path` whose target is absolute or climbs above the tree's root."""
    if target.startswith("/"):
        return True
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return place == ".." or place.startswith("../")


def _refuse_unreadable(path: str, error: OSError) -> None:
    raise _unreadable(path or "the app's folder", error) from error


def _entry(root: Path, path: str, item: os.DirEntry[str]) -> Entry:
    try:
        if item.is_symlink():
            return _link(root, path)
        info = item.stat(follow_symlinks=False)
        if not stat.S_ISREG(info.st_mode):
            raise TREE_SPECIAL_FILE(f"{path} is neither a file, a folder nor a link")
        return Entry(path, "file", hash_file(item.path), info.st_size, bool(info.st_mode & 0o100))
    except OSError as error:
        raise _unreadable(path, error) from error


def _link(root: Path, path: str) -> Entry:
    place = root / path
    target = os.readlink(place)  # noqa: PTH115 - the text unchanged, not a normalised Path
    inside = real_path(place).is_relative_to(real_path(root))
    if leads_out(path, target) or not inside:
        raise SYMLINK_OUTSIDE(f"the link {path} leads out of the app's folder, to {target}")
    return link_entry(path, target)


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise TREE_NAME_NOT_UTF8(f"the name {os.fsencode(path)!r} is not UTF-8") from error


def _bound(root: Path, count: int, total: int) -> None:
    if count > MAX_FILES or total > MAX_BYTES:
        raise TREE_TOO_LARGE(f"{root.name} holds more than {MAX_FILES} files or {MAX_BYTES // 1024**3} GiB")


def _unreadable(path: str, error: OSError) -> UsageError:
    return TREE_UNREADABLE(f"{path} cannot be read: {error.strerror}")


def _mode_differs(old: Entry, new: Entry) -> bool:
    return new.kind == "file" and old.executable != new.executable


def _parents(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        parts = path.split("/")[:-1]
        yield from ("/".join(parts[: n + 1]) for n in range(len(parts)))
