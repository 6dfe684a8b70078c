"""Finds the Supervisor's local root on a mounted share: the folder in which it looks for local apps."""

from __future__ import annotations

import os
from pathlib import Path

NAMES = ("addons", "local_apps", "apps")


def local_root(runtime: Path) -> Path:
    """The local root that holds the app folder `runtime`.

    A share of it is called `addons` or `local_apps`; in the Supervisor's own data folder it is `local` beside
    `core` and `git`. Otherwise it is the mount point of the share, and without one the folder above the app.
    """
    for folder in runtime.parents:
        if folder.name not in NAMES:
            continue
        if (folder / "core").is_dir() and (folder / "git").is_dir():
            return folder / "local"
        if folder.name != "apps":
            return folder
    return next((folder for folder in runtime.parents if _is_share(folder)), runtime.parent)


def _is_share(folder: Path) -> bool:
    """True for a mount point that is not a disk of this machine with the user's own files on it."""
    return os.path.ismount(folder) and not Path.home().is_relative_to(folder)
