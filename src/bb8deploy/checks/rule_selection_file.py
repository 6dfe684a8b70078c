"""Finds the settings for rules in a repository: bb8deploy.toml, or pyproject.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bb8deploy.base.user_files import read_user_toml
from bb8deploy.catalogue.errors.validate import VALIDATE_SETTING_INVALID
from bb8deploy.checks.rule_selection import Selection, read_selection

# Each file with the tables that lead to the settings of validate.
_FILES = (("bb8deploy.toml", ("validate",)), ("pyproject.toml", ("tool", "bb8deploy", "validate")))


def load_selection(root: Path) -> Selection:
    """The settings at the root of a repository, empty ones if it has none; raises UsageError."""
    for name, tables in _FILES:
        table = _table(root / name, tables)
        if table is not None:
            return read_selection(table, name)
    return Selection()


def _table(path: Path, tables: tuple[str, ...]) -> Mapping[str, object] | None:
    try:
        data: object = read_user_toml(path)
    except OSError as error:
        raise VALIDATE_SETTING_INVALID(f"{path.name} cannot be read: {error.strerror}") from error
    for name in tables:
        data = data.get(name) if isinstance(data, Mapping) else None
    if data is not None and not isinstance(data, Mapping):
        raise VALIDATE_SETTING_INVALID(f"`{'.'.join(tables)}` of {path.name} is not a table")
    return data
