"""Backups of the sandbox: the options and the /data folder of apps, and what a client can read about them.

The sandbox has no Core configuration, media or share: a backup lists them, and restores nothing for them.
Source: supervisor/api/backups.py and supervisor/backups/manager.py (2026.08).
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.api_errors import ApiError
from ha_sandbox.supervisor.installed_app import Installed

FOLDERS = ("addons/local", "media", "share", "ssl")
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SavedApp:
    """An app in a backup; `size` in bytes."""

    slug: str
    name: str
    version: str
    options: JsonObject
    size: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new backup is to contain; `core` is Core's version, empty to leave Core out."""

    kind: str
    name: str = ""
    password: str = ""
    compressed: bool = True
    core: str = ""
    without_database: bool = False
    folders: tuple[str, ...] = ()
    extra: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup."""

    slug: str
    date: str
    wanted: Wanted
    apps: tuple[SavedApp, ...]

    @property
    def size_bytes(self) -> int:
        """The bytes of all data folders in it."""
        return sum(app.size for app in self.apps)

    def row(self) -> JsonObject:
        """The backup in the list of all backups."""
        content = {
            "homeassistant": bool(self.wanted.core),
            "addons": [app.slug for app in self.apps],
            "folders": list(self.wanted.folders),
        }
        return {**self._common(), "content": content}

    def info(self, supervisor_version: str) -> JsonObject:
        """The backup alone."""
        rows = [
            {"slug": app.slug, "name": app.name, "version": app.version, "size": _mebibytes(app.size)}
            for app in self.apps
        ]
        return {
            **self._common(),
            "supervisor_version": supervisor_version,
            "homeassistant": self.wanted.core or None,
            "addons": rows,
            "repositories": [],
            "folders": list(self.wanted.folders),
            "homeassistant_exclude_database": self.wanted.without_database,
            "extra": self.wanted.extra,
        }

    def _common(self) -> JsonObject:
        protected = bool(self.wanted.password)
        return {
            "slug": self.slug,
            "name": self.wanted.name,
            "date": self.date,
            "type": self.wanted.kind,
            "size": _mebibytes(self.size_bytes),
            "size_bytes": self.size_bytes,
            "location": None,
            "locations": [None],
            "protected": protected,
            "location_attributes": {".local": {"protected": protected, "size_bytes": self.size_bytes}},
            "compressed": self.wanted.compressed,
        }


class Backups:
    """The backups of one host; `folder` keeps the copies, `data_of` is the /data folder of an app."""

    def __init__(self, folder: Path, data_of: Callable[[str], Path]) -> None:
        self.frozen = False
        self._folder = folder
        self._data_of = data_of
        self._guard = threading.Lock()
        self._all: dict[str, Backup] = {}

    def listed(self) -> list[Backup]:
        """All backups, the oldest first."""
        with self._guard:
            return list(self._all.values())

    def get(self, slug: str) -> Backup:
        """The backup. Raises ApiError 404."""
        with self._guard:
            found = self._all.get(slug)
        if found is None:
            raise ApiError("Backup does not exist", status=404)
        return found

    def create(self, wanted: Wanted, apps: Iterable[Installed]) -> Backup:
        """Copies the data of `apps`."""
        slug = secrets.token_hex(4)
        saved = tuple(self._save(slug, app) for app in apps)
        backup = Backup(slug, datetime.now(UTC).isoformat(), wanted, saved)
        with self._guard:
            self._all[slug] = backup
        return backup

    def put_back(self, backup: Backup, app: Installed) -> None:
        """Replaces the data and the options of a stopped app by those in the backup."""
        (saved,) = (one for one in backup.apps if one.slug == app.slug)
        place = self._data_of(app.slug)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._folder / backup.slug / app.slug, place, symlinks=True)
        app.user_options = dict(saved.options)

    def remove(self, slug: str) -> None:
        """Deletes a backup. Raises ApiError 404."""
        self.get(slug)
        with self._guard:
            self._all.pop(slug, None)
        shutil.rmtree(self._folder / slug, ignore_errors=True)

    def _save(self, slug: str, app: Installed) -> SavedApp:
        place = self._folder / slug / app.slug
        shutil.copytree(self._data_of(app.slug), place, symlinks=True)
        size = sum(path.lstat().st_size for path in place.rglob("*") if not path.is_dir())
        return SavedApp(app.slug, app.name, app.version, dict(app.user_options), size)


def _mebibytes(size: int) -> float:
    return round(size / _MEBIBYTE, 2)
