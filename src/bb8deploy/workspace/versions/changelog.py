"""CHANGELOG.md: finds a version's section and writes the next one, leaving every other line as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HEADING = re.compile(r"(?P<marks>#{1,3})[ \t]+(?P<open>\[?)v?(?P<name>[^\s\]]+)\]?(?P<rest>.*)")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_DATED = re.compile(r"(?P<dash>[ \t]+[-\u2013\u2014][ \t]+|[ \t]+\()\d{4}-\d{2}-\d{2}(?P<close>\)?)")
_VERSION = re.compile(r"\d+(\.\d+)+\S*")
UNRELEASED = "unreleased"
NOTHING_SAID = "No change to the app itself."


@dataclass(frozen=True, slots=True)
class ChangelogSection:
    """A heading of a version (or Unreleased) and the lines under it: `start` is the heading's own."""

    name: str
    marks: str
    bracketed: bool
    rest: str
    start: int
    end: int


def sections(text: str) -> list[ChangelogSection]:
    """The versions' sections, from top to bottom."""
    lines = text.splitlines()
    heads = [(n, m) for n, m in _headings(lines) if _is_version(m["name"])]
    ends = [*(n for n, _ in heads), len(lines)][1:]
    return [
        ChangelogSection(m["name"], m["marks"], bool(m["open"]), m["rest"], n, end)
        for (n, m), end in zip(heads, ends, strict=True)
    ]


def section_text(text: str, version: str) -> str:
    """The changelog's text about `version`, without its heading; empty if there is none."""
    for section in sections(text):
        if section.name == version:
            return "\n".join(text.splitlines()[section.start + 1 : section.end]).strip()
    return ""


def released(text: str, version: str, day: str, subjects: Sequence[str]) -> str:
    """The changelog with a section for `version`, which it may have already.

    An Unreleased heading becomes the version's; where that has no text, and where there is no such
    heading, the commits' `subjects` are listed. Headings are written as the existing ones are.
    """
    if any(section.name == version for section in sections(text)):
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    found = sections(text)
    model = next((s for s in found if s.name.lower() != UNRELEASED), None)
    heading = _heading(version, day, model)
    pending = next((s for s in found if s.name.lower() == UNRELEASED), None)
    lines = text.splitlines() or ["# Changelog", ""]
    if pending:
        kept = "\n".join(lines[pending.start + 1 : pending.end]).strip()
        body = kept.splitlines() if kept else _listed(subjects)
        lines[pending.start : pending.end] = [heading, "", *body, ""]
    else:
        place = found[0].start if found else len(lines)
        gap = [] if place == 0 or not lines[place - 1].strip() else [""]
        lines[place:place] = [*gap, heading, "", *_listed(subjects), ""]
    return end.join(lines).rstrip() + end


def _heading(version: str, day: str, model: ChangelogSection | None) -> str:
    """`## 1.2.3`, with brackets and a date where the newest release has them."""
    name = f"[{version}]" if model and model.bracketed else version
    dated = _DATED.match(model.rest) if model else None
    date = f"{dated['dash']}{day}{dated['close']}" if dated else ""
    return f"{model.marks if model else '##'} {name}{date}"


def _listed(subjects: Sequence[str]) -> list[str]:
    return [f"- {subject}" for subject in (subjects or [NOTHING_SAID])]


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Headings outside of code blocks."""
    fenced = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and (found := _HEADING.fullmatch(line.rstrip())):
            yield number, found


def _is_version(name: str) -> bool:
    return name.lower() == UNRELEASED or bool(_VERSION.fullmatch(name))
