"""What a shell completes: targets, codes, tags, runs, schemas and areas. Never raises, never asks a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

Found = Iterator[tuple[str, str]]


def _completes(find: Callable[[], Iterable[tuple[str, str]]]) -> Callable[[str], list[tuple[str, str]]]:
    """A completion of values with their help: those that start with what was typed, none after an error."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        with suppress(Exception):
            return [(value, text) for value, text in find() if value.startswith(incomplete)]
        return []

    complete.__doc__ = find.__doc__
    return complete


def _root() -> Path:
    from bb8deploy.workspace.project import find_project

    return find_project(Path.cwd()).root


@_completes
def targets() -> Found:
    """The targets of the workspace."""
    return _target_names(_root())


@_completes
def targets_and_groups() -> Found:
    """The targets and groups of the workspace."""
    from bb8deploy.settings.target_groups import groups_of

    root = _root()
    yield from _target_names(root)
    for group in groups_of(root).values():
        yield group.name, f"group of {len(group.targets)} targets"


def _target_names(root: Path) -> Found:
    from bb8deploy.settings.load_settings import target_names

    return ((name, f"settings in .env.{name}") for name in target_names(root))


@_completes
def codes() -> Found:
    """The codes of errors and findings with their titles."""
    from bb8deploy.catalogue.code_lookup import entries

    return ((code, entry.title) for code, entry in sorted(entries().items()))


@_completes
def tags() -> Found:
    """The workspace's git tags, the newest first."""
    from bb8deploy.workspace.git import git

    listed = git(_root(), "tag", "--list", "--sort=-creatordate").splitlines()
    return ((tag, "git tag") for tag in listed)


@_completes
def runs() -> Found:
    """The ids of the recorded runs, the newest first."""
    return ((folder.name, "recorded run") for folder in _run_folders())


@_completes
def run_folders() -> Found:
    """The folders of the recorded runs, as `verify-evidence` takes them."""
    return (
        (str(folder.relative_to(Path.cwd())), "recorded run")
        for folder in _run_folders()
        if folder.is_relative_to(Path.cwd())
    )


@_completes
def schemas() -> Found:
    """The names of the JSON Schemas."""
    from bb8deploy.cli.schema_names import names

    return ((name, "JSON Schema") for name in names())


@_completes
def areas() -> Found:
    """The areas of rules."""
    from bb8deploy.catalogue.rule_definitions.rule_definition import RuleArea

    return ((area.value, "rules") for area in RuleArea)


def _run_folders() -> list[Path]:
    found = (path for path in (_root() / "reports" / "runs").iterdir() if path.is_dir())
    return sorted(found, key=lambda path: path.name, reverse=True)
