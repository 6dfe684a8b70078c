"""Which apps a sandbox is for, where it keeps its host, and the settings that reach it."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bb8deploy.base.errors import Bb8Error
    from bb8deploy.console.console import Console

_HOSTS = "sandboxes"


@dataclass(frozen=True, slots=True)
class Apps:
    """What is here: the workspace `root`, None without one; its only app, or that of `--addon`; `several`:
    the workspace has more than one, or is a store, to which `bb8deploy new` adds others.
    """

    root: Path | None
    app: Path | None
    several: bool = False

    def settings(self, host: Mapping[str, str]) -> dict[str, str]:
        """The settings of a host, for each app of the workspace if there may be several."""
        if not self.several:
            return dict(host)
        from bb8deploy.settings.load_settings import SLUG

        own = {name: value for name, value in host.items() if not name.startswith("HA_REMOTE_")}
        # The slug of one app, from an earlier start, would be that of no other.
        return {**own, "HA_REMOTE_RUNTIME": str(_local_root(host) / SLUG), "HA_REMOTE_SLUG": ""}


def _local_root(host: Mapping[str, str]) -> Path:
    """The folder of the local apps: a sandbox has it beside its keys."""
    return Path(host["HA_SSH_KEY"]).parents[1] / "addons"


def apps_here(addon: Path | None) -> Apps:
    """The apps of the current folder. Raises UsageError if `--addon` names none."""
    from bb8deploy.base.errors import Bb8Error
    from bb8deploy.catalogue.errors.workspace import ADDON_SEVERAL, WORKSPACE_NOT_FOUND
    from bb8deploy.workspace.find_apps import apps_below, is_store
    from bb8deploy.workspace.project import find_project, home_of

    try:
        project = find_project(Path.cwd(), addon=addon)
    except Bb8Error as error:
        if error.code == ADDON_SEVERAL.code:
            return Apps(home_of(Path.cwd()), None, several=True)
        if error.code != WORKSPACE_NOT_FOUND.code:
            raise
        return Apps(None, None)
    several = is_store(project.root) or len(apps_below(project.root)) > 1
    return Apps(project.root, project.addon, several=several)


def host_folder(root: Path | None, place: Path) -> Path:
    """The host's folder: each repository has one of its own, so that no app finds what another one left."""
    from bb8deploy.base.cache_folder import cache_dir
    from bb8deploy.base.os_differences import real_path
    from bb8deploy.workspace.project import home_of

    if root:
        return real_path(root)
    home = home_of(real_path(place))
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    return real_path(cache_dir(_HOSTS, f"{home.name or 'root'}-{mark}"))


def not_running(folder: Path) -> Bb8Error:
    """Names the sandboxes of other folders, which `--root` stops."""
    from bb8deploy.base.cache_folder import cache_dir
    from bb8deploy.catalogue.errors.tool import SANDBOX_NOT_RUNNING
    from ha_sandbox import background

    others = [one for one in sorted(cache_dir(_HOSTS).iterdir()) if background.running(one) is not None]
    first = shlex.quote(str(others[0])) if others else ""
    return SANDBOX_NOT_RUNNING(
        f"there is no sandbox in {folder}",
        f"Stop another one with `bb8deploy sandbox down --root {first}`." if first else "",
        details=[f"a sandbox is up in {one}" for one in others],
    )


def show_settings(console: Console, apps: Apps, host: Mapping[str, str], *, write: bool) -> None:
    """Prints the settings, or writes them to .env.sandbox."""
    settings = apps.settings(host)
    if write and apps.root is not None:
        from bb8deploy.lanes.init.init import write_env
        from bb8deploy.lanes.init.keep_out_of_git import in_this_clone

        path = apps.root / ".env.sandbox"
        write_env(apps.root, path, settings, console, in_this_clone)
        console.text(f"# the settings are in {path}; use them with --target sandbox")
        return
    for name, value in settings.items():
        if value:
            console.text(f"{name}={value}")
    if apps.root is None:
        console.text("# this folder has no app: set HA_REMOTE_RUNTIME and HA_REMOTE_SLUG, or use --addon")
    console.text("# these are the lines of .env.sandbox, for --target sandbox; --write writes the file")
