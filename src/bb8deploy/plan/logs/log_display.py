"""How a log is shown: which lines of a followed log are new, and the colour of a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_LEVEL = re.compile(r"\b(CRITICAL|FATAL|ERROR|WARNING|WARN|DEBUG|TRACE)\b")
# A level is near the start of the line; further on the same word is ordinary text.
_HEAD = 60
_STYLES = {"WARNING": "yellow", "WARN": "yellow", "DEBUG": "dim", "TRACE": "dim"}


def unseen(known: Sequence[str], lines: Iterable[str]) -> Iterator[str]:
    """The lines that are not yet in `known`.

    A log that is followed again starts with lines that are the end of `known`. If lines repeat, the smallest
    overlap counts.
    """
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
