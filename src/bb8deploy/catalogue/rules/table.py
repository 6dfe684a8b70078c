"""The one table of lane 1's rules: each with its level, its source and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Literal

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.plain import plain

Profile = Literal["generic", "bb8"]
Place = tuple[int | None, int | None]


class Area(StrEnum):
    """What a rule is about; each area is one section of docs/rules.md."""

    FILES = "files"
    CONFIG = "config"
    OPTIONS = "options"
    BUILD = "build"
    START = "start"
    SCRIPTS = "scripts"
    STRUCTURE = "structure"
    SECRETS = "secrets"
    STORE = "store"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of lane 1.

    `level` is that of the generic profile, `strict` that of the bb8 profile where it differs. `profile` is
    the first profile that the rule runs in: rules of `bb8` do not run for other apps. `since` is the release
    (of the Supervisor, unless `source` names another program) that brought the behaviour, "" if it is older
    than what was traced. `source` names the file or the observation behind the rule. `fixable` rules have a
    safe fix in `validate --fix`.
    """

    code: str
    area: Area
    level: Level
    title: str
    why: str
    remedy: str
    source: str
    profile: Profile = "generic"
    since: str = ""
    fixable: bool = False
    strict: Level | None = None

    def level_in(self, profile: str) -> Level:
        """The rule's level in a profile."""
        return self.strict if profile == "bb8" and self.strict else self.level

    def page(self) -> str:
        """What `bb8deploy explain CODE` shows, as Markdown."""
        return (
            f"# {self.code}: {self.title}\n\n"
            f"{self._facts()}\n\n"
            f"**Why it matters.** {self.why}\n\n"
            f"**What to do.** {self.remedy}\n"
        )

    def _facts(self) -> str:
        strict = f" ({self.strict.value} in the bb8 profile)" if self.strict else ""
        parts = [
            f"Level: {self.level.value}{strict}",
            *([f"since {self.since}"] if self.since else []),
            f"source: {self.source}",
            *(["`validate --fix` fixes it"] if self.fixable else []),
            *(["only in the bb8 profile"] if self.profile == "bb8" else []),
        ]
        return ". ".join(part[0].upper() + part[1:] for part in parts) + "."


def found(
    code: str,
    message: str,
    path: str = "",
    place: Place = (None, None),
    *,
    profile: str = "generic",
    level: Level | None = None,
    hint: str = "",
) -> Finding:
    """A finding of the rule `code`: every finding of lane 1 is made here.

    The level is the rule's in `profile` unless `level` is given, the hint its remedy unless `hint` is given.
    What others wrote is made safe to show: see `plain`.
    Raises KeyError for a code that the table does not have, which is a defect of the caller.
    """
    rule = rules()[code]
    level = level or rule.level_in(profile)
    line, column = place
    advice = plain(hint) if hint else first_sentence(rule.remedy)
    return Finding(code, level, plain(message), _shown(path), line, column, advice)


def _shown(path: str) -> str:
    """A path that is safe at the start of a line, where a workflow would take `::error` for a command."""
    safe = plain(path)
    return f"./{safe}" if safe.startswith((":", "#", " ")) else safe


def first_sentence(text: str) -> str:
    """The text up to the first full stop that ends a sentence."""
    head, stop, _rest = text.partition(". ")
    return f"{head}." if stop else head


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code, in the order of areas and codes."""
    from bb8deploy.catalogue import rules_build, rules_config, rules_files, rules_start, rules_structure

    tables: Iterable[tuple[Rule, ...]] = (
        rules_files.RULES,
        rules_config.RULES,
        rules_build.RULES,
        rules_start.RULES,
        rules_structure.RULES,
    )
    order = list(Area)
    every = sorted((one for table in tables for one in table), key=lambda r: (order.index(r.area), r.code))
    return {rule.code: rule for rule in every}
