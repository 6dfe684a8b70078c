"""The one table of lane 1's rules: each with its level, its source and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.terminal_safe_text import plain
from bb8deploy.catalogue.error_code import first_sentence
from bb8deploy.catalogue.rule_definitions import build, config, files, start, structure
from bb8deploy.catalogue.rule_definitions.rule_definition import Rule, RuleArea

Place = tuple[int | None, int | None]


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


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code, in the order of areas and codes."""
    tables: Iterable[tuple[Rule, ...]] = (
        files.RULES,
        config.RULES,
        build.RULES,
        start.RULES,
        structure.RULES,
    )
    order = list(RuleArea)
    every = sorted((one for table in tables for one in table), key=lambda r: (order.index(r.area), r.code))
    return {rule.code: rule for rule in every}
