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


def write_settings(console: Console, root: Path, settings: Mapping[str, str]) -> None:
    """Writes .env.sandbox and says what it replaces; settings of a real host are kept in another file."""
    from bb8deploy.lanes.init.env_file import read_earlier, replaced
    from bb8deploy.lanes.init.init import SECRET_NAMES, write_env, write_private
    from bb8deploy.lanes.init.keep_out_of_git import in_this_clone

    path = root / ".env.sandbox"
    earlier = read_earlier(path)
    old = replaced(earlier, settings)
    if is_of_another_host(old):
        copy = _free_name(path)
        write_private(root, copy, earlier, console, in_this_clone, SECRET_NAMES)
        console.text(f"# .env.sandbox had the settings of another host; they are in {copy.name} now")
    write_env(root, path, settings, console, in_this_clone)
    if old:
        console.text(f"# replaced in .env.sandbox: {', '.join(_told(old))}; other lines are as they were")
    console.text(f"# the settings are in {path}; use them with --target sandbox")


def is_of_another_host(old: Mapping[str, str]) -> bool:
    """Whether replaced settings led elsewhere than to this machine, as those of a sandbox do."""
    from urllib.parse import urlsplit

    _, _, ssh = old.get("HA_SSH_HOST_ALIAS", "").rpartition("@")
    url = urlsplit(old.get("HA_URL", "")).netloc.rpartition("@")[2]
    named = [name for name in (ssh, url, old.get("MQTT_HOST", "")) if name]
    return any(name.partition(":")[0] != "127.0.0.1" for name in named)


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}-{word}") for word in ("before", *map(str, range(2, 1000))))
    return next(name for name in names if not os.path.lexists(name))


def _told(old: Mapping[str, str]) -> list[str]:
    """Each replaced setting with its old value; a secret only by its name."""
    from bb8deploy.lanes.init.init import SECRET_NAMES

    return [name if name in SECRET_NAMES else f"{name} (was {value})" for name, value in old.items()]


def show_settings(console: Console, apps: Apps, host: Mapping[str, str], *, write: bool) -> None:
    """Prints the settings, or writes them to .env.sandbox."""
    settings = apps.settings(host)
    if write and apps.root is not None:
        write_settings(console, apps.root, settings)
        return
    for name, value in settings.items():
        if value:
            console.text(f"{name}={value}")
    if apps.root is None:
        console.text("# this folder has no app: set HA_REMOTE_RUNTIME and HA_REMOTE_SLUG, or use --addon")
    console.text("# these are the lines of .env.sandbox, for --target sandbox; --write writes the file")
