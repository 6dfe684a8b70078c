"""Walks a folder: the one tree walker for the workspace, for checks and for mounted shares."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Item:
    """A file, folder, link or special file: `path` is relative to the root, with forward slashes."""

    path: str
    entry: os.DirEntry[str]
    is_dir: bool

    @property
    def depth(self) -> int:
        """How many folders below the root the item is; 0 at the top."""
        return self.path.count("/")


def walk_items(
    root: Path,
    *,
    skip: Callable[[str, bool], bool],
    unreadable: Callable[[str, OSError], None],
    max_depth: int | None = None,
) -> Iterator[Item]:
    """Yields everything below `root`: all items of a folder, sorted by name, then the content of its folders.

    So a walk that is cut short has seen the files at the top. Links are not followed. `skip(path, is_dir)`
    leaves out an item with everything in it. `unreadable(path, error)` is called for a folder that cannot be
    listed, "" for the root; it may raise. Folders deeper than `max_depth` are yielded but not listed.
    """
    waiting = [""]
    while waiting:
        folders = []
        for path, entry in _listing(root, waiting.pop(), unreadable):
            is_dir = entry.is_dir(follow_symlinks=False)
            if skip(path, is_dir):
                continue
            item = Item(path, entry, is_dir)
            yield item
            if is_dir and (max_depth is None or item.depth <= max_depth):
                folders.append(path)
        waiting.extend(folders)


def _listing(
    root: Path, folder: str, unreadable: Callable[[str, OSError], None]
) -> list[tuple[str, os.DirEntry[str]]]:
    try:
        with os.scandir(root / folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        unreadable(folder, error)
        return []
    above = f"{folder}/" if folder else ""
    return [(above + entry.name, entry) for entry in entries]
