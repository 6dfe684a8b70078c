"""Creates an app: decides where it belongs, writes its files, and begins a git history for a new store."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.catalogue.errors.workspace import NEW_EXISTS, NEW_INSIDE_REPOSITORY, NEW_UNWRITABLE
from bb8deploy.lanes.new.app_name import AppName
from bb8deploy.lanes.new.app_template import Language, NewFile, app_files, store_files
from bb8deploy.lanes.new.tool_release import this_release
from bb8deploy.workspace import git as g
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.find_apps import apps_below, is_store

BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Place:
    """The store that gets the app, and whether it is made with it."""

    root: Path
    fresh: bool


@dataclass(frozen=True, slots=True)
class Created:
    """What was written, relative to the store; `committed`: git has it in a first commit."""

    place: Place
    name: AppName
    language: Language
    files: tuple[str, ...]
    committed: bool

    @property
    def app(self) -> Path:
        """The app's folder."""
        return self.place.root / self.name.slug


def create(start: Path, text: str, language: Language) -> Created:
    """Writes the app `text` into the store at `start`, or with a new store into a folder of its name.

    Raises UsageError if the name is not valid, if one of the files exists, or if nothing can be written.
    Nothing that exists is changed.
    """
    name = AppName.parse(text)
    place = _place(start, name)
    files = app_files(name, language)
    if place.fresh:
        files = (*store_files(name, _maintainer(start), this_release()), *files)
    _require_free(place, name)
    _write(place.root, files)
    committed = place.fresh and _commit(place.root, name)
    return Created(place, name, language, tuple(str(file.path) for file in files), committed)


def _place(start: Path, name: AppName) -> Place:
    """The nearest store above, else a new one. Raises UsageError inside a checkout that is not a store."""
    for folder in (start, *start.parents):
        if is_store(folder):
            return Place(folder, fresh=False)
        if (folder / ".git").exists():
            raise NEW_INSIDE_REPOSITORY(f"{folder} is a git checkout without repository.yaml")
    return Place(start / name.slug, fresh=True)


def _require_free(place: Place, name: AppName) -> None:
    """Raises UsageError NEW_EXISTS if the folder is taken, or the slug by another app of the store."""
    taken = [place.root] if place.fresh else [place.root / name.slug, place.root / "tests" / name.slug]
    for path in taken:
        if path.exists() or path.is_symlink():
            raise NEW_EXISTS(f"{path} exists already")
    if place.fresh:
        return
    for app in apps_below(place.root):
        if read_addon(app).slug == name.slug:
            raise NEW_EXISTS(f"{app} has the slug `{name.slug}` already")


def _write(root: Path, files: Sequence[NewFile]) -> None:
    """Writes each file if it does not exist; removes what was written if one of them cannot be."""
    made: list[Path] = []
    try:
        for file in files:
            path = root / file.path
            made += _new_folders(path.parent)
            with path.open("xb") as stream:
                made.append(path)
                stream.write(file.data)
            path.chmod(0o755 if file.program else 0o644)
    except OSError as error:
        _remove(made)
        raise NEW_UNWRITABLE(f"{error.filename or root} cannot be written: {error.strerror}") from error


def _new_folders(folder: Path) -> list[Path]:
    """Creates the folder and those above it that are missing; returns them, the outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _remove(made: Sequence[Path]) -> None:
    """Removes what this run has made: files, and folders that are empty again."""
    for path in reversed(made):
        if not path.is_dir():
            path.unlink(missing_ok=True)
        elif not any(path.iterdir()):
            path.rmdir()


def _maintainer(start: Path) -> str:
    """The user's name as git knows it, else the login name."""
    known = _config(start, "user.name")
    return known or getpass.getuser()


def _config(folder: Path, key: str) -> str:
    if shutil.which("git") is None:
        return ""
    return g.call(folder, "config", "--get", key).stdout.decode(errors="replace").strip()


def _commit(root: Path, name: AppName) -> bool:
    """Begins a history with one commit; False if there is no git, or it does not know the author."""
    if shutil.which("git") is None:
        return False
    g.git(root, "init", "--quiet", f"--initial-branch={BRANCH}")
    if not (_config(root, "user.name") and _config(root, "user.email")):
        return False
    g.git(root, "add", "--all")
    return g.call(root, "commit", "--quiet", "--message", f"Add the app {name.title}").returncode == 0
