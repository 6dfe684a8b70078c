"""Walks the add-on's folder once, within bounds, and never raises for what it finds there."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.workspace.ignore import Ignore
from bb8deploy.workspace.tree import MAX_FILES, leads_out

MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file that belongs to the add-on: relative path, size in bytes, the owner's run bit."""

    path: str
    size: int
    executable: bool

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)


@dataclass(slots=True)
class Scan:
    """Files, folders and the names at the top (ignored ones too), with what went wrong on the way."""

    files: dict[str, FileFact] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    top: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    whole: bool = True


def scan(root: Path, ignore: Ignore) -> Scan:
    """What lies under `root`; at most MAX_FILES files and MAX_DEPTH levels, links are not followed."""
    result = Scan()
    for item, path, depth in _items(root, ignore, result):
        if len(result.files) >= MAX_FILES or depth > MAX_DEPTH:
            result.whole = False
            message = f"more than {MAX_FILES} files or {MAX_DEPTH} levels; the rest was not read"
            hint = "Name what does not belong to the add-on in ops/rsync_runtime.exclude."
            result.findings.append(Finding("TREE_TOO_LARGE", Level.ERROR, message, path, hint=hint))
            break
        _record(root, item, path, result)
    return result


def _items(root: Path, ignore: Ignore, result: Scan) -> Iterator[tuple[os.DirEntry[str], str, int]]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for item in _listing(root, folder, result):
            path = f"{folder}/{item.name}" if folder else item.name
            is_dir = item.is_dir(follow_symlinks=False)
            if not folder:
                result.top.append(item.name)
            if ignore.ignored(path, is_dir=is_dir):
                continue
            if is_dir:
                result.folders.append(path)
                if path.count("/") < MAX_DEPTH:
                    waiting.append(path)
            yield item, path, path.count("/")


def _listing(root: Path, folder: str, result: Scan) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as found:
            return sorted(found, key=lambda item: item.name)
    except OSError as error:
        result.findings.append(_unreadable(folder, error))
        return []


def _record(root: Path, item: os.DirEntry[str], path: str, result: Scan) -> None:
    try:
        if item.is_symlink():
            result.findings.extend(_link(root, path))
            return
        info = item.stat(follow_symlinks=False)
    except OSError as error:
        result.findings.append(_unreadable(path, error))
        return
    if stat.S_ISREG(info.st_mode):
        result.files[path] = FileFact(path, info.st_size, bool(info.st_mode & 0o100))
    elif not stat.S_ISDIR(info.st_mode):
        message = f"{path} is neither a file, a folder nor a link"
        result.findings.append(
            Finding("TREE_SPECIAL_FILE", Level.ERROR, message, path, hint="Remove it from the add-on.")
        )


def _link(root: Path, path: str) -> Iterator[Finding]:
    target = os.readlink(root / path)  # noqa: PTH115 - the text as it stands, not a normalised Path
    try:
        inside = (root / path).resolve(strict=False).is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        inside = False
    if leads_out(path, target):
        hint = "Replace it by a copy of the file, or by a link that stays inside."
        message = f"the link leads out of the add-on's folder, to {target}"
        yield Finding("SYMLINK_OUTSIDE", Level.ERROR, message, path, hint=hint)
    elif not inside or not (root / path).exists():
        hint = "Point it at a file that exists, or remove it."
        message = f"the link leads to {target}, where nothing can be reached"
        yield Finding("SYMLINK_BROKEN", Level.ERROR, message, path, hint=hint)


def _unreadable(path: str, error: OSError) -> Finding:
    message = f"{path or 'the add-on folder'} cannot be read: {error.strerror}"
    return Finding("FILE_UNREADABLE", Level.ERROR, message, path, hint="Give yourself the right to read it.")
