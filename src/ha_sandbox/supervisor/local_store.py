"""The local store: which folders of the local root are apps, and when a reload notices a change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.yaml_loader import load
from ha_sandbox.json_types import Config
from ha_sandbox.situations import Faults, Situation
from ha_sandbox.supervisor import config_and_options_checks
from ha_sandbox.supervisor.api_errors import ApiError
from ha_sandbox.supervisor.log_files import Journal

_SUFFIXES = (".yaml", ".yml", ".json")
_BROKEN = """name: Broken neighbour
version: "1.0.0"
slug: broken_neighbour
description: crashes the reload
arch: [amd64, aarch64]
map:
"""


@dataclass(frozen=True, slots=True)
class StoreApp:
    """An app in the store; `slug` is the full one (`local_x`), `config` is validated."""

    slug: str
    path: Path
    config: Config

    @property
    def name(self) -> str:
        """Its display name."""
        return str(self.config["name"])

    @property
    def version(self) -> str:
        """The version on disk at the last reload."""
        return str(self.config["version"])

    def has(self, asset: str) -> bool:
        """Whether a file such as icon.png is next to config.yaml."""
        return (self.path / asset).is_file()

    def dockerfile(self, arch: str) -> Path | None:
        """Dockerfile.<arch> if it exists, else Dockerfile, else None."""
        candidates = (self.path / f"Dockerfile.{arch}", self.path / "Dockerfile")
        return next((path for path in candidates if path.is_file()), None)


class LocalStore:
    """The apps that the last effective reload has read."""

    def __init__(self, folder: Path, journal: Journal, faults: Faults) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._journal = journal
        self._faults = faults
        self._mtime = -1.0
        self._apps: dict[str, StoreApp] = {}
        faults.watch(self._follow)

    @property
    def apps(self) -> dict[str, StoreApp]:
        """The apps by slug; empty while the setup is unhealthy."""
        return {} if Situation.UNHEALTHY_SETUP in self._faults else self._apps

    def load(self) -> None:
        """Reads everything, as a starting Supervisor does.

        A file that crashes the loader leaves the store empty and the setup unhealthy until the next start.
        """
        self._mtime = greatest_mtime(self._folder)
        try:
            self._apps = {app.slug: app for app in self._read_all()}
        except config_and_options_checks.ConfigCrash as error:
            self._apps = {}
            self._journal.log("CRITICAL", "core", f"Fatal error in setup: {error}")
            self._faults.begin(Situation.UNHEALTHY_SETUP)

    def reload(self) -> None:
        """Reads again if the greatest mtime changed, as the real one does: by time, not by content.

        Raises ApiError if a file crashes the real loader; the new mtime then counts as seen, and the apps
        that were read before stay.
        """
        mtime = greatest_mtime(self._folder)
        if mtime == self._mtime:
            return
        self._mtime = mtime
        try:
            self._apps = {app.slug: app for app in self._read_all()}
        except config_and_options_checks.ConfigCrash as error:
            raise ApiError(str(error)) from error

    def _follow(self, situation: Situation, on: bool) -> None:
        """Writes and removes the neighbour whose config.yaml crashes the reload."""
        folder = self._folder / "broken_neighbour"
        if situation is Situation.BROKEN_NEIGHBOUR and on:
            folder.mkdir(exist_ok=True)
            (folder / "config.yaml").write_text(_BROKEN, encoding="utf-8")
        elif situation is Situation.BROKEN_NEIGHBOUR:
            shutil.rmtree(folder, ignore_errors=True)

    def _read_all(self) -> Iterator[StoreApp]:
        for path in config_files(self._folder):
            try:
                config = config_and_options_checks.accept_config(_parse(path))
            except (config_and_options_checks.ConfigRefused, ValueError, OSError) as error:
                self._journal.log("WARNING", "store.data", f"Can't read {path}: {error}")
                continue
            yield StoreApp(f"local_{config['slug']}", path.parent, config)


def config_files(folder: Path) -> list[Path]:
    """Every config.yaml, .yml or .json at any depth, except in folders with a leading dot or named rootfs."""
    found = []
    for path in sorted(folder.rglob("config.*")):
        parts = path.relative_to(folder).parts
        skipped = any(part.startswith(".") or part == "rootfs" for part in parts)
        if path.suffix in _SUFFIXES and not skipped and path.is_file():
            found.append(path)
    return found


def greatest_mtime(folder: Path) -> float:
    """The newest mtime of the folder and everything in it; a file that vanishes meanwhile is ignored."""
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
        return load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
