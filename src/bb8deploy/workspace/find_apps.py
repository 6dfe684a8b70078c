"""Finds the apps of a folder: which folder is one, and which ones are below a workspace or a store."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bb8deploy.workspace.app_config import CONFIG_NAMES, has_dockerfile

STORE_NAMES = ("repository.yaml", "repository.yml", "repository.json")
_DEPTH = 2
_MOST_FOLDERS = 2000
_SLUG = re.compile(rb"""^\s*(?:\{.*)?["']?slug["']?\s*:""", re.MULTILINE)
_HEAD = 64 * 1024


def is_app(folder: Path) -> bool:
    """Whether the folder has an app's config file: one of the Supervisor's names, with a slug in it.

    A file that cannot be read is one if a Dockerfile is beside it, so that the error names the file.
    """
    return any(_has_slug(folder / name) for name in CONFIG_NAMES)


def is_store(folder: Path) -> bool:
    """Whether the folder is a store, as users add it to Home Assistant."""
    return bool(store_file(folder))


def store_file(folder: Path) -> str:
    """The name of the file that makes a folder a store, empty if it has none."""
    return next((name for name in STORE_NAMES if (folder / name).is_file()), "")


def apps_below(folder: Path) -> list[Path]:
    """The app folders at most two levels below `folder`, hidden folders left out."""
    return sorted(found for found in _folders(folder, _DEPTH) if is_app(found))


def _folders(top: Path, depth: int) -> Iterator[Path]:
    level, seen = [top], 0
    for _ in range(depth):
        below: list[Path] = []
        for folder in level:
            below += _children(folder)
            seen += 1
            if seen > _MOST_FOLDERS:
                return
        yield from below
        level = [one for one in below if not is_app(one)]


def _children(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(e.path) for e in entries if e.is_dir() and not e.name.startswith(".")]
    except OSError:
        return []


def _has_slug(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return _SLUG.search(stream.read(_HEAD)) is not None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    except OSError:
        return has_dockerfile(file.parent)
