"""Reads the settings that a repository shares: bb8deploy.toml, and `[tool.bb8deploy]` of pyproject.toml."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.base.user_files import read_user_toml
from bb8deploy.catalogue.errors.settings import SETTING_INVALID
from bb8deploy.catalogue.errors.workspace import PYPROJECT_INVALID
from bb8deploy.settings.settings_table import KEYS
from bb8deploy.settings.settings_type import Value

OWN_FILE, PYTHON_FILE = "bb8deploy.toml", "pyproject.toml"
OTHER_NAMES = frozenset(
    {"addon", "apps", "exclude", "groups", "profile", "tests", "coverage_threshold", "validate", "checks"}
)
"""The names that are not settings of `.env`: what the workspace holds, and the tables."""


@dataclass(frozen=True, slots=True)
class ProjectValue:
    """A value of the table, with the file that it comes from."""

    value: object
    origin: str


def project_table(folder: Path) -> dict[str, ProjectValue] | None:
    """The settings in `folder`, those of bb8deploy.toml first; None if it has neither of the two.

    Raises UsageError PYPROJECT_INVALID for a file that is not TOML.
    """
    own = _toml(folder / OWN_FILE)
    table = (_toml(folder / PYTHON_FILE) or {}).get("tool", {}).get("bb8deploy")
    python = table if isinstance(table, dict) else None
    if own is None and python is None:
        return None
    return {**_from(python or {}, PYTHON_FILE), **_from(own or {}, OWN_FILE)}


def shared_values(table: Mapping[str, ProjectValue]) -> dict[str, Value]:
    """The settings of `.env` that the table has, by their names there.

    Raises UsageError SETTING_INVALID for a value that is not a text.
    """
    found: dict[str, Value] = {}
    for key in KEYS:
        given = table.get(key.project) if key.project else None
        if given is None:
            continue
        if not isinstance(given.value, str):
            raise SETTING_INVALID(
                f"`{key.project}` in {given.origin} is not text", f'Write `{key.project} = "VALUE"`.'
            )
        found[key.name] = Value(given.value, given.origin)
    return found


def strange_names(table: Mapping[str, ProjectValue]) -> list[tuple[str, str]]:
    """The names of the table that bb8deploy does not know, with their files."""
    known = OTHER_NAMES | {key.project for key in KEYS if key.project}
    return [(name, given.origin) for name, given in table.items() if name not in known]


def near_name(name: str) -> str:
    """The known name nearest to a misspelt one, an empty string if none is near."""
    known = [*OTHER_NAMES, *(key.project for key in KEYS if key.project)]
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.6)), "")


def _from(table: JsonObject, origin: str) -> dict[str, ProjectValue]:
    return {name: ProjectValue(value, origin) for name, value in table.items()}


def _toml(file: Path) -> JsonObject | None:
    try:
        return read_user_toml(file)
    except OSError as error:
        raise PYPROJECT_INVALID(f"{file} cannot be read: {error.strerror}") from error
