"""The local store: which folders under addons/local are apps, and when a reload notices a change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ha_sandbox.supervisor import rules
from ha_sandbox.supervisor.failures import ApiError
from ha_sandbox.supervisor.journal import Journal

_SUFFIXES = (".yaml", ".yml", ".json")
_ASSETS = ("icon.png", "logo.png", "CHANGELOG.md", "DOCS.md", "README.md", "apparmor.txt")


@dataclass(frozen=True, slots=True)
class StoreApp:
    """An app as the store knows it; `slug` is the full one (`local_x`), `config` is validated."""

    slug: str
    path: Path
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name for people."""
        return str(self.config["name"])

    @property
    def version(self) -> str:
        """The version on disk at the last reload."""
        return str(self.config["version"])

    def has(self, asset: str) -> bool:
        """Whether a file such as icon.png lies next to config.yaml."""
        return (self.path / asset).is_file()

    def dockerfile(self, arch: str) -> Path | None:
        """Dockerfile.<arch> where there is one, else Dockerfile, else None."""
        candidates = (self.path / f"Dockerfile.{arch}", self.path / "Dockerfile")
        return next((path for path in candidates if path.is_file()), None)


class LocalStore:
    """The apps read at the last reload that read anything."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._journal = journal
        self._mtime = -1.0
        self.apps: dict[str, StoreApp] = {}

    def reload(self) -> None:
        """Reads again if the greatest mtime changed, as the real one does: by time, not by content.

        Raises ApiError where a file crashes the real loader; the new mtime counts as seen then, and the
        apps read before stay.
        """
        mtime = greatest_mtime(self._folder)
        if mtime == self._mtime:
            return
        self._mtime = mtime
        try:
            self.apps = {app.slug: app for app in self._read_all()}
        except rules.ConfigCrash as error:
            raise ApiError(str(error)) from error

    def _read_all(self) -> Iterator[StoreApp]:
        for path in config_files(self._folder):
            try:
                config = rules.accept_config(_parse(path))
            except (rules.ConfigRefused, ValueError, OSError) as error:
                self._journal.log("WARNING", "store.data", f"Can't read {path}: {error}")
                continue
            yield StoreApp(f"local_{config['slug']}", path.parent, config)


def config_files(folder: Path) -> list[Path]:
    """Every config.yaml, .yml or .json at any depth, but for folders with a leading dot or named rootfs."""
    found = []
    for path in sorted(folder.rglob("config.*")):
        parts = path.relative_to(folder).parts
        skipped = any(part.startswith(".") or part == "rootfs" for part in parts)
        if path.suffix in _SUFFIXES and not skipped and path.is_file():
            found.append(path)
    return found


def greatest_mtime(folder: Path) -> float:
    """The newest mtime of the folder and all in it; what vanishes meanwhile does not count."""
    newest = folder.stat().st_mtime
    for path in folder.rglob("*"):
        try:
            newest = max(newest, path.stat().st_mtime)
        except OSError:
            continue
    return newest


def _parse(path: Path) -> object:
    import yaml

    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
