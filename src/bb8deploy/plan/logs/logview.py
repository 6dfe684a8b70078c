"""How a log is shown: which lines of a followed one are new, and how grave a line is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_LEVEL = re.compile(r"\b(CRITICAL|FATAL|ERROR|WARNING|WARN|DEBUG|TRACE)\b")
# Where a level stands: after the time and perhaps a bracket; further on it is a word like any other.
_HEAD = 60
_STYLES = {"WARNING": "yellow", "WARN": "yellow", "DEBUG": "dim", "TRACE": "dim"}

_BUILD_BEGINS = "Starting build for "


def build_output(log: Sequence[str], most: int) -> tuple[str, ...]:
    """At most so many of the newest lines of the Supervisor's log, from where it last began to build."""
    began = max((at for at, line in enumerate(log) if _BUILD_BEGINS in line), default=0)
    return tuple(log[began:][-most:])


def unseen(known: Sequence[str], lines: Iterable[str]) -> Iterator[str]:
    """The lines without those at their beginning that `known` ends with: a log that is followed again starts
    with its newest old lines. Where lines repeat, the smallest overlap counts."""
    coming = iter(lines)
    starts = set(range(len(known)))
    for at, line in enumerate(coming):
        starts = {start for start in starts if start + at >= len(known) or known[start + at] == line}
        if not starts or max(starts) + at >= len(known):
            yield line
            break
    yield from coming


def style_of(line: str) -> str:
    """The console style of a log line by its level, empty for an ordinary one."""
    found = _LEVEL.search(line[:_HEAD])
    return _STYLES.get(found[1], "red") if found else ""
