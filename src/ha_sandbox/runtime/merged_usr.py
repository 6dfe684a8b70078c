"""Shows a container the files that its image has below /usr, where it has this machine's /usr otherwise.

Apps copy programs to /usr/bin and data to /usr/share. The container gets a folder with these files, and with
links to everything else of this machine's /usr.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from bb8deploy.base.seal_paths import LAUNCHER

HOST_USR = "/.usr"
"""Where a container sees this machine's /usr as it is."""
CONTENV = "/usr/bin/with-contenv"
COMMAND = "/command/with-contenv"
"""Where the stand-in for with-contenv is."""
_SOURCES = "src"
"""The folder in /usr that a container has from its image alone."""


def has_own_usr(tree: Path) -> bool:
    """True if an image has files below /usr that this machine's /usr would hide."""
    launcher = tree / LAUNCHER.lstrip("/")  # it is started as text
    folders = (path for path in (tree / "usr").iterdir() if path.name != _SOURCES)
    return any(file != launcher for folder in folders for file in _files(folder))


def merge_usr(tree: Path, target: Path, *, writable: bool) -> None:
    """Makes `target` the /usr of a container of this image, in place of what was there.

    With `writable` its files are copies, so that the container cannot change those of the image. It has
    with-contenv, which scripts name that the dev loop puts in after the build.
    """
    shutil.rmtree(target, ignore_errors=True)
    (tree / CONTENV.lstrip("/")).parent.mkdir(exist_ok=True)
    put: Callable[[str, str], object] = shutil.copy2 if writable else _link
    _merge(Path("/usr"), tree / "usr", target, put)
    contenv = target / "bin" / Path(CONTENV).name
    if not contenv.exists():
        contenv.symlink_to(COMMAND)
    sources = target / _SOURCES
    if sources.is_symlink():
        sources.unlink()
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir()


def _merge(host: Path, own: Path, target: Path, put: Callable[[str, str], object]) -> None:
    target.mkdir()
    mine = {path.name: path for path in own.iterdir()}
    for path in host.iterdir():
        if path.name not in mine:
            (target / path.name).symlink_to(Path(HOST_USR) / path.relative_to("/usr"))
    for name, path in mine.items():
        if _is_folder(path) and _is_folder(host / name):
            _merge(host / name, path, target / name, put)
        elif _is_folder(path):
            shutil.copytree(path, target / name, symlinks=True, copy_function=put)
        else:
            _put(path, target / name, put)


def _put(path: Path, target: Path, put: Callable[[str, str], object]) -> None:
    if path.is_symlink():
        target.symlink_to(path.readlink())
    else:
        put(str(path), str(target))


def _link(source: str, target: str) -> None:
    os.link(source, target)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _files(path: Path) -> list[Path]:
    """The files and links at or below a path."""
    if not _is_folder(path):
        return [path]
    return [one for one in path.rglob("*") if not _is_folder(one)]
