"""Reads the groups of targets in bb8deploy.toml, and finds out which targets a `--target` means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bb8deploy.catalogue.errors.settings import GROUP_INVALID, GROUP_NOT_TAKEN, TARGET_UNKNOWN
from bb8deploy.settings.project_file import ProjectValue, project_table

TAKE_GROUPS = ("deploy", "diagnose", "history", "rollback", "status", "verify")
"""The commands that accept a group; a test compares this with the command line."""
_NAMES = {"targets", "canary", "wave", "max-failures", "pause"}
_FORM = 'Write it as `kitchens = ["cabin", "home"]`, or as a table `[groups.kitchens]` with `targets`.'


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """A group: its targets in order, the canaries first, and how fast a command reaches them.

    `canary` is how many targets come first, alone. `wave` is the size of each later wave, `max_failures` the
    number of failed hosts that stops it, `pause` the seconds between waves; None if the group does not say.
    """

    name: str
    targets: tuple[str, ...]
    canary: int | None = None
    wave: int | None = None
    max_failures: int | None = None
    pause: float | None = None


@dataclass(frozen=True, slots=True)
class ChosenTargets:
    """The targets that the options `--target` name, each once; `asked` are the words as they were given.

    `group` is the first group that was named, None if only targets were.
    """

    asked: tuple[str, ...]
    names: tuple[str, ...]
    group: TargetGroup | None = None


def groups_of(folder: Path) -> dict[str, TargetGroup]:
    """The groups of a workspace by name. Raises UsageError GROUP_INVALID."""
    given = (project_table(folder) or {}).get("groups")
    if given is None:
        return {}
    if not isinstance(given.value, dict):
        raise GROUP_INVALID(f"`groups` in {given.origin} is not a table", _FORM)
    return {name: _group(name, ProjectValue(value, given.origin)) for name, value in given.value.items()}


def choose_targets(folder: Path, asked: Sequence[str], known: Sequence[str]) -> ChosenTargets:
    """The targets that `asked` means; `known` are the named targets of the workspace.

    A name that is no group is taken as a target, and is checked when its settings are read. Raises
    UsageError GROUP_INVALID for a group that is not valid, that has the name of a target, or that has a
    target without settings.
    """
    groups = groups_of(folder)
    named = [groups[name] for name in asked if name in groups]
    for group in named:
        _require_targets(group, known)
    members = [groups[name].targets if name in groups else (name,) for name in asked]
    names = tuple(dict.fromkeys(target for targets in members for target in targets))
    return ChosenTargets(tuple(asked), names, named[0] if named else None)


def refuse_group(folder: Path, name: str) -> None:
    """Raises UsageError GROUP_NOT_TAKEN if `name` is a group: for commands that work with one target."""
    group = groups_of(folder).get(name)
    if group:
        raise GROUP_NOT_TAKEN(
            f"`{name}` is a group of {len(group.targets)} targets, and this command works with one target",
            f"Name one of its targets: {', '.join(group.targets)}."
            f" Commands that accept a group: {', '.join(TAKE_GROUPS)}.",
        )


def unknown_target(folder: Path, name: str, file: str, known: str, remedy: str) -> NoReturn:
    """Raises UsageError TARGET_UNKNOWN, with the groups in the message if there are any."""
    groups = ", ".join(groups_of(folder))
    kind, more = ("target or group", f"; groups: {groups}") if groups else ("target", "")
    raise TARGET_UNKNOWN(f"there is no {kind} `{name}`: {file} does not exist (known: {known}{more})", remedy)


def _require_targets(group: TargetGroup, known: Sequence[str]) -> None:
    if group.name in {*known, "default"}:
        raise GROUP_INVALID(
            f"the group `{group.name}` has the name of a target", "Give the group another name."
        )
    missing = [name for name in group.targets if name not in {*known, "default"}]
    if missing:
        raise GROUP_INVALID(
            f"the group `{group.name}` has the target `{missing[0]}`, but .env.{missing[0]} does not exist",
            f"Correct the name, or run `bb8deploy init --target {missing[0]}`.",
        )


def _group(name: str, given: ProjectValue) -> TargetGroup:
    where = f"the group `{name}` in {given.origin}"
    table = given.value if isinstance(given.value, dict) else {"targets": given.value}
    strange = sorted(table.keys() - _NAMES)
    if strange:
        raise GROUP_INVALID(f"{where} has the unknown name `{strange[0]}`", f"Known: {_known_names()}.")
    targets = _targets(where, table.get("targets"))
    first, count = _canary(where, table.get("canary"), targets)
    return TargetGroup(
        name,
        tuple(dict.fromkeys((*first, *targets))),
        count,
        _count(where, table, "wave"),
        _count(where, table, "max-failures"),
        _seconds(where, table, "pause"),
    )


def _known_names() -> str:
    return ", ".join(sorted(_NAMES))


def _targets(where: str, value: object) -> tuple[str, ...]:
    if not (isinstance(value, list) and value and all(isinstance(name, str) and name for name in value)):
        raise GROUP_INVALID(f"{where} has no list of targets", _FORM)
    return tuple(dict.fromkeys(value))


def _canary(where: str, value: object, targets: tuple[str, ...]) -> tuple[tuple[str, ...], int | None]:
    """The canaries by name, and how many there are."""
    if isinstance(value, list):
        strange = [name for name in value if name not in targets]
        if strange:
            raise GROUP_INVALID(
                f"{where} has the canary `{strange[0]}`, which is not one of its targets",
                "Add it to `targets`, or name another canary.",
            )
        return tuple(dict.fromkeys(value)), len(set(value))
    if value is None:
        return (), None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise GROUP_INVALID(
            f"`canary` of {where} is not a whole number or a list of targets",
            "Write the number of targets that come first, or their names.",
        )
    return (), value


def _count(where: str, table: Mapping[str, object], name: str) -> int | None:
    value = table.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise GROUP_INVALID(f"`{name}` of {where} is not a whole number from 1", f"Write `{name} = 1`.")
    return value if isinstance(value, int) else None


def _seconds(where: str, table: Mapping[str, object], name: str) -> float | None:
    value = table.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise GROUP_INVALID(f"`{name}` of {where} is not a number of seconds", f"Write `{name} = 60`.")
    return float(value)
