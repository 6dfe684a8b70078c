"""Reads conventional commits: which number of a version they raise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bb8deploy.workspace.versions.version_numbers import Scheme, parse

# As Conventional Commits 1.0 has it: `type(scope)!: description`, and a footer for a breaking change.
_SUBJECT = re.compile(r"(?P<type>[A-Za-z]+)(?:\([^()\r\n]*\))?(?P<breaking>!)?: .")
_FOOTER = re.compile(r"^BREAKING[ -]CHANGE: .", re.MULTILINE)
_RANKS = ("patch", "minor", "major")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The bump that commits ask for, with the reason; `how` is `patch`, `minor`, `major` or `date`."""

    how: str
    why: str


def suggest(current: str, messages: Sequence[str]) -> Suggestion:
    """The bump for the commits since the last release.

    A breaking change raises the major number (while that is 0, the minor one), `feat` the minor one, every
    other commit the patch. A calendar version moves to today. Raises UsageError for a version of no scheme.
    """
    now = parse(current)
    if now.scheme is Scheme.CALENDAR:
        return Suggestion("date", "calendar versions follow the date")
    parts = [_part(message) for message in messages]
    raised = max(parts, default="patch", key=_RANKS.index)
    count = parts.count(raised)
    why = f"{count} of {len(parts)} commit(s) since the last release: {_REASONS[raised]}"
    if raised == "major" and now.numbers[0] == 0:
        return Suggestion("minor", f"{why}, before 1.0")
    return Suggestion(raised, why)


_REASONS = {"major": "a breaking change", "minor": "a feature", "patch": "no feature and no breaking change"}


def _part(message: str) -> str:
    found = _SUBJECT.match(message)
    if (found and found["breaking"]) or _FOOTER.search(message):
        return "major"
    return "minor" if found and found["type"].lower() == "feat" else "patch"
