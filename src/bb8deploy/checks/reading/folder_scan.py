"""Walks the app's folder once, within bounds, and never raises for what it finds there."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.os_differences import real_path
from bb8deploy.catalogue.rule_definitions.all_rules import found
from bb8deploy.workspace.folder_walk import walk_items
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import MAX_FILES, leads_out

MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file of the app: relative path, size in bytes, the owner's executable bit."""

    path: str
    size: int
    executable: bool

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)


@dataclass(slots=True)
class Scan:
    """Files (a link to a file inside counts as one), folders, links, and the names at the top.

    `links` maps a link's path to the text of its target; `whole` is False if the walk was cut short.
    """

    files: dict[str, FileFact] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    top: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    whole: bool = True


def scan(root: Path, ignore: Ignore, *, profile: str = "generic") -> Scan:
    """What is under `root`; at most MAX_FILES files and MAX_DEPTH levels, links are not walked into."""
    result = Scan()

    def skip(path: str, is_dir: bool) -> bool:
        if "/" not in path:
            result.top.append(path)
        return ignore.ignored(path, is_dir=is_dir)

    def unreadable(path: str, error: OSError) -> None:
        result.findings.append(_unreadable(path, error))

    for item in walk_items(root, skip=skip, unreadable=unreadable, max_depth=MAX_DEPTH):
        if len(result.files) >= MAX_FILES or item.depth > MAX_DEPTH:
            result.whole = False
            message = f"more than {MAX_FILES} files or {MAX_DEPTH} levels; the rest was not read"
            result.findings.append(found("TREE_TOO_LARGE", message, item.path))
            break
        result.findings.extend(_judge_name(item.path))
        if item.is_dir:
            result.folders.append(item.path)
        else:
            _record(root, item.entry, item.path, result, profile)
    return result


def _judge_name(path: str) -> Iterator[Finding]:
    name = os.fsencode(path.rpartition("/")[2])
    try:
        name.decode()
    except UnicodeDecodeError:
        shown = os.fsencode(path).decode(errors="replace")
        yield found("TREE_NAME_NOT_UTF8", f"the name {name!r} is not UTF-8", shown)


def _record(root: Path, item: os.DirEntry[str], path: str, result: Scan, profile: str) -> None:
    try:
        if item.is_symlink():
            _link(root, path, result, profile)
            return
        info = item.stat(follow_symlinks=False)
    except OSError as error:
        result.findings.append(_unreadable(path, error))
        return
    if stat.S_ISREG(info.st_mode):
        result.files[path] = FileFact(path, info.st_size, bool(info.st_mode & 0o100))
    else:
        message = f"{path} is neither a file, a folder nor a link"
        result.findings.append(found("TREE_SPECIAL_FILE", message, path, profile=profile))


def _link(root: Path, path: str, result: Scan, profile: str) -> None:
    """Records a link; what it leads to is a file of the app if it is a file inside the folder."""
    target = os.readlink(root / path)  # noqa: PTH115 - the text as it is, not a normalised Path
    result.links[path] = target
    circle = False
    try:
        real = (root / path).resolve(strict=True)
        info = real.stat() if real.is_relative_to(real_path(root)) else None
    except (OSError, RuntimeError) as error:
        info = None
        circle = isinstance(error, RuntimeError) or error.errno == errno.ELOOP
    if info and stat.S_ISREG(info.st_mode):
        result.files[path] = FileFact(path, info.st_size, bool(info.st_mode & 0o100))
    if profile == "bb8":
        result.findings.extend(_judge_link(path, target, reached=info is not None))
    elif circle:
        result.findings.append(found("SYMLINK_BROKEN", f"the link to {target} leads in a circle", path))


def _judge_link(path: str, target: str, *, reached: bool) -> Iterator[Finding]:
    if leads_out(path, target):
        yield found("SYMLINK_OUTSIDE", f"the link leads out of the app's folder, to {target}", path)
    elif not reached:
        message = f"the link leads to {target}, which cannot be reached"
        yield found("SYMLINK_BROKEN", message, path, profile="bb8")


def _unreadable(path: str, error: OSError) -> Finding:
    message = f"{path or 'the app folder'} cannot be read: {error.strerror}"
    return found("FILE_UNREADABLE", message, path, level=Level.ERROR)
