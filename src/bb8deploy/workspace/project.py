"""Finds the workspace and reads `[tool.bb8deploy]` of its pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb8deploy.catalogue.errors.workspace import (
    ADDON_NOT_FOUND,
    PROFILE_UNKNOWN,
    PYPROJECT_INVALID,
    WORKSPACE_NOT_FOUND,
)


@dataclass(frozen=True, slots=True)
class Project:
    """A workspace: its root, the add-on's folder, the rule profile, the add-on's tests.

    `tests` is None where the project names none; `coverage_threshold` is in per cent.
    """

    root: Path
    addon: Path
    profile: str
    tests: Path | None
    coverage_threshold: float


def find_project(start: Path, *, addon: Path | None = None) -> Project:
    """The project that `start` lies in; `addon` overrides the add-on's folder.

    Raises UsageError where no folder upwards of `start` has an add-on or a `[tool.bb8deploy]` table.
    """
    if addon is not None:
        return _outside_project(addon)
    for folder in (start, *start.parents):
        table = _table(folder / "pyproject.toml")
        if table is not None or (folder / "addon" / "config.yaml").exists():
            return _project(folder, table or {})
    raise WORKSPACE_NOT_FOUND(f"neither {start} nor a folder above it holds an add-on workspace")


def _outside_project(addon: Path) -> Project:
    """The project for an add-on folder named by hand: its own settings when a workspace above names it."""
    folder = addon.expanduser().absolute()
    if not folder.is_dir():
        raise ADDON_NOT_FOUND(f"{addon} is not a folder")
    for above in folder.parents:
        table = _table(above / "pyproject.toml")
        if table is not None and above / str(table.get("addon", "addon")) == folder:
            return _project(above, table)
    return Project(repository_root(folder) or folder, folder, "generic", None, 0.0)


def repository_root(folder: Path) -> Path | None:
    """The top of the git checkout that `folder` is in, None outside of one."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)


def _project(root: Path, table: dict[str, Any]) -> Project:
    tests = table.get("tests")
    profile = str(table.get("profile", "generic"))
    if profile not in {"generic", "bb8"}:
        raise PROFILE_UNKNOWN(f"pyproject.toml names the profile `{profile}`")
    return Project(
        root=root,
        addon=root / str(table.get("addon", "addon")),
        profile=profile,
        tests=root / str(tests) if tests else None,
        coverage_threshold=float(table.get("coverage_threshold", 0.0)),
    )


def _table(pyproject: Path) -> dict[str, Any] | None:
    if not pyproject.is_file():
        return None
    try:
        data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PYPROJECT_INVALID(f"{pyproject} cannot be read: {error}") from error
    table = data.get("tool", {}).get("bb8deploy")
    return table if isinstance(table, dict) else None
