"""A diagnosis as lines of text: grouped, in words, for any width; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from bb8deploy.lanes.diagnose.check_result import Check, CheckLevel
from bb8deploy.lanes.diagnose.diagnose import Diagnosis
from bb8deploy.plan.known_problems import Trouble

NARROW = 72
"""Below this many columns a name gets a line of its own."""

Styled = tuple[str, str]
"""A line and its style: `bold`, `green`, `yellow`, `red`, `dim` or empty."""
_COUNTED = (
    (CheckLevel.FAIL, "failed"),
    (CheckLevel.WARN, "to look at"),
    (CheckLevel.OK, "fine"),
    (CheckLevel.SKIPPED, "skipped"),
)
_STYLES = {CheckLevel.OK: "", CheckLevel.WARN: "yellow", CheckLevel.FAIL: "red", CheckLevel.SKIPPED: "dim"}


def lines(diagnosis: Diagnosis, width: int) -> Iterator[Styled]:
    """Every line; `width` in columns, 0 for lines of any length (a file, a pipe)."""
    longest = max((len(check.name) for check in diagnosis.checks), default=0)
    for subject, checks in groupby(diagnosis.checks, key=lambda check: check.subject):
        yield subject, "bold"
        for check in checks:
            yield from _check(check, width, longest)
    if diagnosis.troubles:
        yield "known problems", "bold"
        for trouble in diagnosis.troubles:
            yield from _trouble(trouble, width)
    yield summary(diagnosis), "bold"


def summary(diagnosis: Diagnosis) -> str:
    """The last line."""
    told = ", ".join(f"{diagnosis.count(level)} {word}" for level, word in _COUNTED)
    return f"{told} ({diagnosis.seconds:.1f} s)"


def _check(check: Check, width: int, longest: int) -> Iterator[Styled]:
    style = _STYLES[check.level]
    head = f"  {check.level:<7} {check.name}"
    if 0 < width < NARROW:
        yield head, style
        yield from _wrapped(check.seen, width, "    ", style)
        indent = "    "
    else:
        head = f"  {check.level:<7} {check.name:<{longest}}  "
        indent = " " * len(head)
        yield from _wrapped(check.seen, width, head, style, indent)
    if check.remedy:
        yield from _wrapped(f"do: {check.remedy}", width, indent, "")


def _trouble(trouble: Trouble, width: int) -> Iterator[Styled]:
    yield f"  {trouble.name}", "yellow"
    yield from _wrapped(trouble.evidence, width, "    ", "")
    yield from _wrapped(f"do: {trouble.remedy}", width, "    ", "")
    yield from _wrapped(f"more: bb8deploy explain {trouble.name}", width, "    ", "dim")


def _wrapped(text: str, width: int, first: str, style: str, rest: str | None = None) -> Iterator[Styled]:
    """The text behind `first`, further lines behind `rest`; newlines in it become spaces."""
    text = " ".join(text.split())
    if width <= 0:
        yield first + text, style
        return
    wrapped = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_on_hyphens=False,
    )
    for line in wrapped or [first]:
        yield line.rstrip(), style
