"""Reads and copies trees on a mounted share, with the ways in which shares differ from a disk.

Finder and Explorer leave files of their own; SMB shows every file with one mode; macOS may hand out names
in decomposed Unicode.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.os_differences import HAS_CHANGE_TIMES
from bb8deploy.catalogue.errors.host import HOST_DISK_FULL, MOUNT_FAILED, MOUNT_NO_LINKS
from bb8deploy.workspace.app_config import CONFIG_NAMES
from bb8deploy.workspace.folder_walk import walk_items
from bb8deploy.workspace.ignore_patterns import is_litter
from bb8deploy.workspace.tree_digest import (
    NO_RECORD,
    STAMP,
    Entry,
    FoundTree,
    Manifest,
    PutIn,
    hash_file,
    link_entry,
)

MAX_CONFIG = 64 * 1024
"""Bytes of a config file that are read with the tree."""


def fold(path: str) -> str:
    """The composed Unicode form, in which names from shares are compared."""
    return unicodedata.normalize("NFC", path)


def read_tree(
    root: Path, *, modes_known: bool | None, cut: bool = False, put_in: PutIn = NO_RECORD
) -> FoundTree:
    """Lists and hashes `root`. With `modes_known` None the modes seen decide: one for all means none kept.

    `cut` is True if a swap was interrupted, which matters if the folder is missing; `put_in` is the record
    of what was put in, as FoundTree describes it.
    """
    if not root.is_dir():
        return FoundTree(present=False, folds_names=True, cut=cut)
    entries: list[Entry] = []
    folders: list[str] = []
    others: list[str] = []
    times = {".": _time(root)}
    littered: set[str] = set()
    for path, item in items(root, littered):
        if item.is_symlink():
            entries.append(link_entry(path, os.readlink(item.path)))  # noqa: PTH115
        elif item.is_dir():
            folders.append(path)
        elif item.is_file():
            entries.append(_file_entry(path, item))
        else:
            others.append(path)
        times[path] = _time(Path(item.path))
    return FoundTree(
        present=True,
        manifest=Manifest.of(entries),
        folders=tuple(folders),
        others=tuple(others),
        stamp=_head(root / STAMP, 4096),
        configs={name: _head(root / name, MAX_CONFIG) for name in CONFIG_NAMES if (root / name).is_file()},
        modes_known=_seem_kept(entries) if modes_known is None else modes_known,
        folds_names=True,
        put_in=put_in,
        times={path: time for path, time in times.items() if path not in littered},
        change_times=_show_changes(times.values()),
    )


def items(root: Path, littered: set[str] | None = None) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below `root` but litter, each folder before its content; links are not followed.

    The folders in which litter was found are put into `littered`.
    """

    def skipped(path: str, _is_dir: bool) -> bool:
        folder, _, name = path.rpartition("/")
        if littered is not None and is_litter(name):
            littered.add(folder or ".")
        return is_litter(name)

    found = walk_items(root, skip=skipped, unreadable=_refuse)
    return ((item.path, item.entry) for item in found)


def _refuse(path: str, error: OSError) -> NoReturn:
    raise unusable(Path(error.filename or path), error) from error


def copy_tree(source: Path, target: Path, *, skip: Callable[[str], bool] = lambda _path: False) -> None:
    """Copies everything below `source` into the new folder `target`; a skipped folder is skipped whole."""
    target.mkdir(parents=True)
    skipped: tuple[str, ...] = ()
    for path, item in items(source):
        if path.startswith(skipped) or skip(path):
            skipped = (*skipped, f"{path}/")
        elif item.is_symlink():
            put_link(target / path, os.readlink(item.path))  # noqa: PTH115
        elif item.is_dir():
            (target / path).mkdir(exist_ok=True)
        elif item.is_file():
            put_copy(Path(item.path), target / path)


def put_copy(source: Path, target: Path) -> None:
    """Copies content, times and, if the share keeps them, modes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    with contextlib.suppress(OSError):
        shutil.copystat(source, target)


def put_link(target: Path, text: str) -> None:
    """Makes a link. Raises CheckFailed on shares that keep none, OSError if the disk is full."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(text)
    except (OSError, NotImplementedError) as error:
        if is_full(error):
            raise
        raise MOUNT_NO_LINKS(f"the share keeps no symbolic links, and {target.name} is one") from error


def set_runnable(path: Path, *, runnable: bool) -> None:
    """Sets the executable bits if the share keeps them."""
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = (mode | 0o111) if runnable else (mode & ~0o111)
        if mode != wanted:
            path.chmod(wanted)


def remove_tree(path: Path) -> None:
    """Removes a file or a folder with everything in it; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_full(error: Exception) -> bool:
    """Whether the disk behind the share, or the user's part of it, is full."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def unusable(path: Path, error: OSError) -> Bb8Error:
    """The error for a share that fails."""
    if is_full(error):
        return HOST_DISK_FULL(f"the disk behind {path} is full; the earlier tree is in place")
    return MOUNT_FAILED(f"the share failed at {path}: {error.strerror or error}")


def _file_entry(path: str, item: os.DirEntry[str]) -> Entry:
    try:
        info = item.stat()
        return Entry(path, "file", hash_file(Path(item.path)), info.st_size, bool(info.st_mode & 0o100))
    except OSError as error:
        raise unusable(Path(item.path), error) from error


def _time(place: Path) -> str:
    """When something was last changed. Windows has only the times of making and writing."""
    try:
        info = place.lstat()
    except OSError as error:
        raise unusable(place, error) from error
    return f"{info.st_ctime_ns} {info.st_mtime_ns}"


def _show_changes(times: Iterable[str]) -> bool:
    """Whether the times are more than those of writing, which a writer can set back.

    sshfs gives the time of writing for both. Elsewhere they differ at least for what was renamed or copied.
    """
    return HAS_CHANGE_TIMES and any(len({*time.split()}) > 1 for time in times)


def _head(path: Path, size: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(size).decode(errors="replace")
    except OSError:
        return ""


def _seem_kept(entries: list[Entry]) -> bool:
    return len({entry.executable for entry in entries if entry.kind == "file"}) == 2


def overwrite(source: Path, target: Path) -> None:
    """Makes `target` hold what `source` holds, file by file; equal files are left alone."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = {fold(path): item for path, item in items(source)}
    for path, item in sorted(items(target), key=lambda pair: pair[0], reverse=True):
        kept = wanted.get(fold(path))
        if kept is None or _kind(kept) != _kind(item):
            remove_tree(target / path)
    for path, item in items(source):
        place = target / path
        if item.is_symlink():
            remove_tree(place)
            put_link(place, os.readlink(item.path))  # noqa: PTH115
        elif item.is_dir():
            place.mkdir(exist_ok=True)
        elif not place.exists() or hash_file(place) != hash_file(Path(item.path)):
            put_copy(Path(item.path), place)


def _kind(item: os.DirEntry[str]) -> str:
    return "link" if item.is_symlink() else "folder" if item.is_dir() else "file"
