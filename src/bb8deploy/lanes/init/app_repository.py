"""What `init` finds in a repository: its apps, its layout, and the settings that its people share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bb8deploy.base.atomic_files import write_text
from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.settings import ENV_UNWRITABLE
from bb8deploy.catalogue.errors.workspace import ADDON_SEVERAL
from bb8deploy.host.open_host import Tell
from bb8deploy.lanes.init.init import changes, write_env
from bb8deploy.settings.project_file import OWN_FILE, project_table
from bb8deploy.settings.settings_table import BB8_LAYOUT, HA_PUBLISH_BRANCH, KEYS
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace import git
from bb8deploy.workspace.find_apps import apps_below
from bb8deploy.workspace.project import Project, find_project, home_of
from bb8deploy.workspace.versions.publish_layout import Publishing, publishing_of

_HEAD = """# Settings of bb8deploy for everybody who works on this repository; commit this file.
# Addresses of hosts and tokens are in .env, which git ignores.
"""
ENV, DEFAULT = ".env", "default"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:/+{}-]*")


@dataclass(frozen=True, slots=True)
class Repository:
    """The project of the app at hand, and every app of its workspace."""

    project: Project
    apps: tuple[Path, ...]

    @property
    def several(self) -> bool:
        """Whether settings must serve more than one app."""
        return len(self.apps) > 1

    @property
    def names(self) -> str:
        """The folders of the apps, for people."""
        return ", ".join(app.relative_to(self.project.root).as_posix() for app in self.apps)


@dataclass(frozen=True, slots=True)
class Written:
    """What `init` wrote: the user's own file, and the shared one, None if there were settings already."""

    own: Path
    common: Path | None


def find_repository(start: Path, addon: Path | None) -> Repository:
    """The repository around `start`; with several apps the first one is at hand unless `addon` names one.

    Raises UsageError if there is no app.
    """
    try:
        project = find_project(start, addon=addon)
    except Bb8Error as error:
        if error.code != ADDON_SEVERAL.code:
            raise
        root = home_of(start)
        project = find_project(start, addon=apps_below(root)[0])
    inside = project.addon.is_relative_to(project.root)
    return Repository(project, tuple(apps_below(project.root)) if inside else (project.addon,))


def described(repository: Repository, settings: Settings) -> str:
    """What was found, in one line. Raises UsageError TAG_FORMAT_INVALID for a BB8_TAG that makes no tags."""
    publishing = _publishing(repository, settings)
    count = len(repository.apps)
    apps = f"{count} apps: {repository.names}" if count > 1 else f"one app: {repository.project.addon.name}"
    return f"found {apps}; layout {publishing.layout} ({publishing.why})"


def shared(values: Mapping[str, str]) -> dict[str, str]:
    """Of the settings that are to be written, those that belong to the repository, by their names in .env.

    A path of this machine and an address with a user's password or token are not among them.
    """
    names = {key.name for key in KEYS if key.project and not key.secret}
    return {name: value for name, value in values.items() if name in names and _is_everybodys(value)}


def write_settings(repository: Repository, path: Path, settings: Settings, tell: Tell) -> Written:
    """Writes `.env` at `path`, and bb8deploy.toml if it is missing and `path` is not a target's own file.

    What the repository shares then goes into bb8deploy.toml alone. Raises what `write_env` raises.
    """
    root, values = repository.project.root, changes(settings)
    if settings.target != DEFAULT or path.name != ENV or project_table(root) is not None:
        write_env(root, path, values, tell)
        return Written(path, None)
    common = shared(values)
    write_env(root, path, {name: value for name, value in values.items() if name not in common}, tell)
    publishing = _publishing(repository, settings)
    branch = _branch_of_store(root, settings) if publishing.in_store else {}
    _write(root / OWN_FILE, shared_text({**branch, **common, BB8_LAYOUT.name: str(publishing.layout)}))
    return Written(path, root / OWN_FILE)


def _branch_of_store(root: Path, settings: Settings) -> dict[str, str]:
    """The branch that users of the store get, if git knows that it is another one than the setting's default.

    That is the default branch of the remote, which Home Assistant clones.
    """
    head = f"refs/remotes/{settings.ha_publish_remote or 'origin'}/"
    told = git.call(root, "symbolic-ref", "--quiet", f"{head}HEAD").stdout
    branch = told.decode(errors="replace").strip().removeprefix(head)
    own = branch and branch != HA_PUBLISH_BRANCH.default and _is_everybodys(branch)
    return {HA_PUBLISH_BRANCH.name: branch} if own else {}


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise ENV_UNWRITABLE(f"{error.filename or path} cannot be written: {error.strerror}") from error


def _publishing(repository: Repository, settings: Settings) -> Publishing:
    return publishing_of(repository.project.root, repository.project.addon, settings)


def shared_text(values: Mapping[str, str]) -> str:
    """The text of bb8deploy.toml, with what each setting is for."""
    rows = [f'\n# {key.help}\n{key.project} = "{values[key.name]}"\n' for key in KEYS if key.name in values]
    return _HEAD + "".join(rows)


def _is_everybodys(value: str) -> bool:
    """Whether a value means the same to everybody, and has no login in it: a name, or a plain address."""
    if not _PLAIN.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    if parts.scheme in {"http", "https"}:
        return "@" not in parts.netloc
    return parts.scheme in {"", "ssh", "git"} and not parts.password
