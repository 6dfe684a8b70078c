"""Finds the workspace and its app, and reads bb8deploy.toml or `[tool.bb8deploy]` of pyproject.toml."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.settings import SETTING_INVALID
from bb8deploy.catalogue.errors.workspace import (
    ADDON_NOT_FOUND,
    ADDON_SEVERAL,
    PROFILE_UNKNOWN,
    WORKSPACE_NOT_FOUND,
)
from bb8deploy.settings.load_settings import load
from bb8deploy.settings.project_file import OWN_FILE, project_table
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.find_apps import apps_below, is_app, is_store
from bb8deploy.workspace.smoke_settings import SmokeCheck, smoke_checks


@dataclass(frozen=True, slots=True)
class Project:
    """A workspace: its root, the app's folder, the rule profile, the app's tests.

    `tests` is None if the project names none; `coverage_threshold` is in per cent; `checks` are asked of the
    running app.
    """

    root: Path
    addon: Path
    profile: str
    tests: Path | None
    coverage_threshold: float
    checks: tuple[SmokeCheck, ...] = ()


def find_project(start: Path, *, addon: Path | None = None) -> Project:
    """The project of `start`: from inside an app's folder, a store or a workspace; `addon` names the app.

    Raises UsageError if there is no app in `start` or above it, or if several are possible.
    """
    if addon is not None:
        folder = addon.expanduser().absolute()
        if not folder.is_dir():
            raise ADDON_NOT_FOUND(f"{addon} is not a folder")
        return _of_app(folder)
    for folder in (start, *start.parents):
        found = _at(folder)
        if found:
            return found
    raise WORKSPACE_NOT_FOUND(f"there is no app in {start} or in a folder above it")


def find_store(start: Path) -> list[Project]:
    """The project of every app of the store that `start` is in, the app at its root first.

    Empty outside of a store. Raises UsageError as `find_project` does.
    """
    for folder in (start, *start.parents):
        if is_store(folder) and not is_store(folder.parent):
            own = [folder] if is_app(folder) else []
            return [_of_app(app) for app in (*own, *apps_below(folder))]
    return []


def workspace_root(start: Path, *, addon: Path | None = None) -> Path:
    """The workspace of `start`, also if it has several apps and none of them is meant.

    Raises UsageError as `find_project` does.
    """
    store = [] if addon else find_store(start)
    return store[0].root if store else find_project(start, addon=addon).root


def _at(folder: Path) -> Project | None:
    """The project if `folder` is a workspace, an app, a store or a git checkout with apps."""
    table = _table(folder)
    if table is not None and "addon" in table:
        return _project(folder, folder / str(table["addon"]), table)
    if is_app(folder):
        return _of_app(folder)
    if table is not None or (folder / "addon" / "config.yaml").exists():
        return _project(folder, _only_app(folder) or folder / "addon", table or {})
    if is_store(folder) or (folder / ".git").exists():
        app = _only_app(folder)
        return _project(folder, app, {}) if app else None
    return None


def _only_app(root: Path) -> Path | None:
    """The app if the settings name none: `addon/`, or the only one below. Raises if there are several."""
    if (root / "addon").is_dir():
        return root / "addon"
    apps = apps_below(root)
    if len(apps) > 1:
        raise _several(root, apps)
    return apps[0] if apps else None


def _several(root: Path, apps: Sequence[Path]) -> Exception:
    names = [app.relative_to(root).as_posix() for app in apps]
    here = "." if root == Path.cwd() else shlex.quote(str(root))
    return ADDON_SEVERAL(
        f"{root} has {len(apps)} apps: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}",
        f"Change into the app's folder, or name it with `--addon DIR`; `bb8deploy validate {here}` checks all"
        " of them.",
    )


def _of_app(app: Path) -> Project:
    """The project of an app's folder: the nearest settings, store or checkout above it.

    The folder above one that is called `addon` is a workspace.
    """
    for above in app.parents:
        table = _table(above)
        if table is not None and above / str(table.get("addon", "addon")) == app:
            return _project(above, app, table)
        if table is not None and "addon" not in table and app in apps_below(above):
            return _project(above, app, table)
    if app.name == "addon":
        return _project(app.parent, app, {})
    store = next((above for above in app.parents if is_store(above)), None)
    return _project(repository_root(app) or store or app, app, {})


def repository_root(folder: Path) -> Path | None:
    """The top of the git checkout that `folder` is in, None outside of one."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)


def home_of(folder: Path) -> Path:
    """What `folder` is a part of: its git checkout, else its store or workspace, else itself."""
    above = (folder, *folder.parents)
    marked = (one for one in above if is_store(one) or (one / OWN_FILE).is_file() or is_app(one / "addon"))
    return repository_root(folder) or next(marked, folder)


def _project(root: Path, app: Path, table: JsonObject) -> Project:
    table = {**table, **_own_table(app, table)}
    profile = str(table.get("profile", "generic"))
    if profile not in {"generic", "bb8"}:
        raise PROFILE_UNKNOWN(f"the settings of {root} name the profile `{profile}`")
    return Project(
        root=root,
        addon=app,
        profile=profile,
        tests=_tests(root, app, str(table.get("tests") or "")),
        coverage_threshold=_threshold(root, table.get("coverage_threshold", 0.0)),
        checks=smoke_checks(table.get("checks")),
    )


def _threshold(root: Path, value: object) -> float:
    """The minimum coverage in percent; TOML knows `nan` and `inf` too."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise SETTING_INVALID(
            f"`coverage_threshold` in the settings of {root} is `{value}`, not a number from 0 to 100",
            "Write `coverage_threshold = 80`.",
        )
    return float(value)


def _tests(root: Path, app: Path, named: str) -> Path | None:
    """The folder of the app's tests; `{app}` is the app's folder, which does not have to have tests."""
    if not named:
        return None
    folder = root / named.replace("{app}", app.name)
    return None if "{app}" in named and not folder.is_dir() else folder


def _own_table(app: Path, table: JsonObject) -> JsonObject:
    """The table `[apps.FOLDER]`, which a repository with several apps has for what differs between them."""
    apps = table.get("apps")
    own = apps.get(app.name) if isinstance(apps, dict) else None
    return own if isinstance(own, dict) else {}


def excluded_apps(root: Path) -> tuple[str, ...]:
    """The folders of the apps that `release --all-changed` leaves out.

    Raises UsageError SETTING_INVALID if `exclude` is not a list of names.
    """
    table = project_table(root) or {}
    given = table.get("exclude")
    names = given.value if given else []
    if given and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise SETTING_INVALID(
            f"`exclude` in {given.origin} is not a list of folders", 'Write `exclude = ["FOLDER"]`.'
        )
    return tuple(names) if isinstance(names, list) else ()


def settings_of(
    root: Path, addon: Path, *, target: str = "default", flags: Mapping[str, str] | None = None
) -> Settings:
    """The settings of a target for the app in `addon`. Raises UsageError as `load` does."""
    return load(root, target=target, flags=flags, slug=lambda: read_addon(addon).slug)


def _table(folder: Path) -> JsonObject | None:
    """The settings of the repository in `folder`; None if there are none."""
    table = project_table(folder)
    return None if table is None else {name: given.value for name, given in table.items()}
