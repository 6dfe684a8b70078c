"""Checks the apps of a whole store side by side, with one list of findings relative to the repository."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.terminal_safe_text import plain
from bb8deploy.catalogue.errors.validate import APPS_NOT_FOUND
from bb8deploy.catalogue.rule_definitions.all_rules import found
from bb8deploy.checks.baseline import Baseline
from bb8deploy.checks.check_one_app import judge
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.output.text_and_github import joined
from bb8deploy.checks.rule_selection import Selection, unused_settings
from bb8deploy.checks.store_repository import REPOSITORY_NAMES, check_repository
from bb8deploy.workspace.app_config import CONFIG_NAMES
from bb8deploy.workspace.project import repository_root

_ALONE = 6  # apps; for so few, starting processes costs more than it saves


@dataclass(frozen=True, slots=True)
class AppResult:
    """What was found in one app. `folder` is relative to the repository, the findings' paths to `folder`."""

    folder: str
    slug: str
    version: str
    rating: int | None
    oldest: str
    findings: tuple[Finding, ...]
    ignores: tuple[str, ...] = ()

    @property
    def placed(self) -> tuple[Finding, ...]:
        """The findings, with paths relative to the repository."""
        return tuple(replace(one, path=joined(self.folder, one.path)) for one in self.findings)


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The apps of one call, in the order of their folders, and what is about the repository itself."""

    base: Path
    apps: tuple[AppResult, ...]
    own: tuple[Finding, ...] = ()
    fixed: int = 0

    @property
    def findings(self) -> list[Finding]:
        """All findings, with paths relative to the repository."""
        return [*self.own, *(one for app in self.apps for one in app.placed)]


def find_apps(words: Sequence[str]) -> list[Path]:
    """The app folders that are meant: folders, patterns, config files, or roots of stores.

    Raises UsageError if there is none. The search below a root follows the Supervisor's: any depth, but not
    below folders that begin with a dot or are named rootfs, nor inside of an app.
    """
    folders = [folder for word in words for folder in _meant(word)]
    unique = list(dict.fromkeys(folders))
    if not unique:
        raise APPS_NOT_FOUND(f"no app was found in {', '.join(words)}")
    return unique


def _meant(word: str) -> Iterator[Path]:
    paths = sorted(glob.glob(word, recursive=True)) if glob.has_magic(word) else [word]  # noqa: PTH207
    for path in map(Path, paths):
        folder = path.parent if path.is_file() and path.name in CONFIG_NAMES else path
        if has_config_file(folder):
            yield folder.absolute()
        elif folder.is_dir():
            yield from _below(folder.absolute())


def has_config_file(folder: Path) -> bool:
    """Whether the Supervisor would read a config file in the folder itself."""
    return any((folder / name).is_file() for name in CONFIG_NAMES)


def _below(root: Path) -> Iterator[Path]:
    for folder, names, _files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith(".") and name != "rootfs")
        here = Path(folder)
        if here != root and has_config_file(here):
            names.clear()
            yield here


def check_apps(
    folders: Sequence[Path],
    selection: Selection,
    *,
    base: Path,
    mode: Mode | None = None,
    baseline: Baseline | None = None,
) -> StoreResult:
    """Checks every folder, side by side if there are many."""
    work = partial(_check, base=base, selection=selection, mode=mode)
    results = list(_side_by_side(work, folders))
    used = [word for result in results for word in result.ignores]
    own = [*_store(base), *(_slugs(results) if _is_store(base) else ()), *unused_settings(selection, used)]
    kept = [one for one in own if selection.keeps(one.code)]
    if baseline is None:
        return StoreResult(base, tuple(results), tuple(kept))
    fresh = [
        replace(r, findings=tuple(f for f in r.findings if not baseline.takes(f, r.folder))) for r in results
    ]
    kept = [one for one in kept if not baseline.takes(one, "")]
    return StoreResult(base, tuple(fresh), tuple(kept), baseline.rest)


def _side_by_side(work: partial[AppResult], folders: Sequence[Path]) -> Iterable[AppResult]:
    processes = min(os.cpu_count() or 1, 8)
    if len(folders) <= _ALONE or processes == 1:
        return map(work, folders)
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(work, folders, chunksize=max(1, len(folders) // (processes * 8))))


def _check(folder: Path, *, base: Path, selection: Selection, mode: Mode | None) -> AppResult:
    place = folder.relative_to(base).as_posix() if folder.is_relative_to(base) else folder.as_posix()
    place = "" if place == "." else plain(place)
    judged = judge(folder, workspace=None, mode=mode, selection=selection, folder=place)
    report = judged.report
    return AppResult(
        folder=place,
        slug=plain(str(report.facts.raw.get("slug") or "")),
        version=report.version,
        rating=report.rating,
        oldest=judged.oldest,
        findings=judged.kept.findings,
        ignores=tuple({why for _one, why in judged.kept.ignored}),
    )


def _is_store(base: Path) -> bool:
    """Whether the folders are of one repository, in which slugs must differ."""
    return (base / ".git").exists() or any((base / name).is_file() for name in REPOSITORY_NAMES)


def _store(base: Path) -> Iterator[Finding]:
    if any((base / name).is_file() for name in REPOSITORY_NAMES):
        yield from check_repository(base, Level.ERROR)


def _slugs(results: Sequence[AppResult]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for result in results:
        if not result.slug:
            continue
        if result.slug in first:
            message = f"{first[result.slug] or '.'} has the slug `{result.slug}`, too"
            yield found("SLUG_TWICE", message, result.folder)
        first.setdefault(result.slug, result.folder)


def base_of(folders: Sequence[Path]) -> Path:
    """The repository of the folders, else the folder that holds them all."""
    root = repository_root(folders[0])
    if root:
        return root
    common = Path(os.path.commonpath([str(folder) for folder in folders]))
    return common if len(folders) > 1 else folders[0]
