"""Every code of bb8deploy by its name: errors and symptoms by area, rules of validate by theirs."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.error_code import Area, CatalogueEntry, ErrorCode, Symptom
from bb8deploy.catalogue.rule_definitions.all_rules import rules

Listed = ErrorCode[Bb8Error] | Symptom
TITLES: Mapping[Area, str] = {
    Area.SSH: "The ssh connection to the host",
    Area.HOST: "Files and folders on the host",
    Area.SUPERVISOR: "The Supervisor and Home Assistant Core",
    Area.APP: "The installed app and its robot",
    Area.BROKER: "The MQTT broker and the attestation",
    Area.WORKSPACE: "The workspace and the app's files",
    Area.VALIDATE: "The settings and outputs of validate",
    Area.GIT: "Git in the workspace",
    Area.PUBLISH: "Publishing to a repository and a registry",
    Area.RELEASE: "Releases and versions",
    Area.SETTINGS: "Settings and first setup",
    Area.TOOL: "The command line, reports, demo and sandbox",
}

_SHIP = {Area.GIT, Area.PUBLISH, Area.RELEASE}


@dataclass(frozen=True, slots=True)
class Group:
    """Codes that belong together, under one heading."""

    title: str
    rows: tuple[tuple[str, str, str], ...]
    """Code, how it ends (an exit code or a level), title."""


@cache
def errors() -> Mapping[str, Listed]:
    """Every error and symptom by its code, in the order of areas and codes."""
    return {entry.code: entry for area in Area for entry in of_area(area)}


@cache
def of_area(area: Area) -> Sequence[Listed]:
    """The errors and symptoms of an area, by code."""
    found = (value for value in vars(module_of(area)).values() if isinstance(value, ErrorCode | Symptom))
    return sorted(found, key=lambda entry: entry.code)


@cache
def entries() -> Mapping[str, CatalogueEntry]:
    """Every code. A code that is a rule and an error is listed as the rule."""
    return {**errors(), **rules()}


def module_of(area: Area) -> ModuleType:
    """The module that has the codes of an area."""
    folder = "errors.ship" if area in _SHIP else "errors"
    return importlib.import_module(f"bb8deploy.catalogue.{folder}.{area}")


def find(code: str) -> CatalogueEntry | None:
    """The entry of a code, None if there is none."""
    return entries().get(code)


def nearest(code: str) -> str:
    """The known code that is most similar, empty if none is."""
    return next(iter(difflib.get_close_matches(code, entries(), n=1)), "")


def groups() -> Iterator[Group]:
    """All codes under the headings of their areas: errors first, then rules."""
    for area in Area:
        listed = (entry for entry in of_area(area) if entry.code not in rules())
        yield Group(TITLES[area], tuple((entry.code, entry.ends, entry.title) for entry in listed))
    for kind in dict.fromkeys(rule.area for rule in rules().values()):
        found = (rule for rule in rules().values() if rule.area == kind)
        rows = tuple((rule.code, f"rule, {rule.level.value}", rule.title) for rule in found)
        yield Group(f"Rules of validate: {kind.value}", rows)
