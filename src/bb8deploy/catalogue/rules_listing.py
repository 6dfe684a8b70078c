"""The table of rules as `bb8deploy rules` and docs/rules.md show it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from bb8deploy.catalogue.error_code import first_sentence
from bb8deploy.catalogue.errors.tool import AREA_UNKNOWN
from bb8deploy.catalogue.rule_definitions.all_rules import rules
from bb8deploy.catalogue.rule_definitions.rule_definition import Rule, RuleArea

RULES_PAGE = "docs/rules.md"
_HEAD = """\
# Rules of `bb8deploy validate`

Written by `python -m ops.docs.generate`; a test compares it with the code. `bb8deploy rules` lists the rules,
`bb8deploy explain CODE` shows one. How to select and ignore rules: [lanes/validate.md](lanes/validate.md).

An error makes the install, the build or the start fail for certain, or breaks a rule of the store. A warning
is probably a mistake. A note is worth knowing and needs no change.
"""


def of_area(area: str) -> list[Rule]:
    """The rules of an area, all of them if `area` is ""; raises UsageError for an unknown area."""
    if area and area not in list(RuleArea):
        raise AREA_UNKNOWN(f"there is no area `{area}` of rules", f"Use one of {', '.join(RuleArea)}.")
    return [rule for rule in rules().values() if not area or rule.area == area]


def as_table(area: str = "") -> Iterator[str]:
    """Lines of columns: code, level, fixable, since, source."""
    rows = [("CODE", "LEVEL", "FIX", "SINCE", "SOURCE"), *(_row(rule) for rule in of_area(area))]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[4]]).rstrip()


def _row(rule: Rule) -> tuple[str, str, str, str, str]:
    return rule.code, rule.level.value, "yes" if rule.fixable else "", rule.since, rule.source


def as_records(area: str = "") -> list[dict[str, object]]:
    """The rules as JSON carries them."""
    return [
        {
            "code": rule.code,
            "area": rule.area.value,
            "level": rule.level.value,
            "level_bb8": rule.level_in("bb8").value,
            "profile": rule.profile,
            "title": rule.title,
            "since": rule.since,
            "source": rule.source,
            "fixable": rule.fixable,
            "remedy": rule.remedy,
        }
        for rule in of_area(area)
    ]


def page() -> str:
    """docs/rules.md: every rule in the section of its area, with an anchor of its own."""
    parts = [_HEAD]
    for area, listed in groupby(rules().values(), key=lambda rule: rule.area):
        parts.append(f"## {area.value.capitalize()}\n")
        parts += [_section(rule) for rule in listed]
    return "\n".join(parts).rstrip() + "\n"


def _section(rule: Rule) -> str:
    return rule.page().replace("# ", "### ", 1)


def index() -> Iterator[tuple[str, str]]:
    """Code and title of every rule."""
    return ((rule.code, rule.title) for rule in rules().values())


def help_uri(code: str, home: str) -> str:
    """The address of a rule's section in docs/rules.md of the repository `home`."""
    anchor = f"{code}-{rules()[code].title}".lower()
    kept = "".join(char for char in anchor if char.isalnum() or char in " -_")
    return f"{home}/blob/main/{RULES_PAGE}#{kept.replace(' ', '-')}"


def advice(code: str) -> str:
    """The first sentence of a rule's remedy."""
    return first_sentence(rules()[code].remedy)
