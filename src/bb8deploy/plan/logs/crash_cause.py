"""Finds the newest crash of an app in its log, with its cause; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bb8deploy.plan.logs.identity_line import identities

_CRITICAL = re.compile(r"\b(?:CRITICAL|FATAL)\b[^:]*: (.+)")
_TRACEBACK = "Traceback (most recent call last):"
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Timeout)\b.*")
# What a shell, s6 or the kernel prints about a program that could not start or was ended.
_FATAL = re.compile(
    r"No such file or directory|[Pp]ermission denied|command not found|: not found$|[Ee]xec format error"
    r"|^Killed$|Segmentation fault|[Oo]ut of memory|can't open ['\"/f]|s6-\S+: fatal"
)
# A program that logs such words at a level of its own has met them and continues.
_LOGGED = re.compile(r"\b(?:DEBUG|INFO|WARNING|ERROR)\b")


@dataclass(frozen=True, slots=True)
class Crash:
    """How it died: the cause in the log's own words, and whether it reported itself again afterwards."""

    cause: str
    recovered: bool


def last_crash(log: Sequence[str]) -> Crash | None:
    """The newest crash that the log shows, None if it shows none."""
    found = [crash for crash in (_traceback(log), _line(log)) if crash]
    if not found:
        return None
    at, cause = max(found)
    return Crash(cause, recovered=bool(identities(log[at + 1 :])))


def of_installed(log: Sequence[str], version: str) -> tuple[str, ...]:
    """The lines of a journal since the installed build of `version` first reported itself.

    The journal keeps the lines of containers whose image was replaced, also by another build of the same
    version, or uninstalled. Without a report of another build all lines count.
    """
    reports = [(at, said[0]) for at, line in enumerate(log) if (said := identities([line]))]
    newest = reports[-1][1] if reports else None
    others = (at for at, said in reports if said.version != version or (newest and not said.names(newest)))
    other = max(others, default=-1)
    if other < 0:
        return tuple(log)
    return tuple(log[next((at for at, _ in reports if at > other), other + 1) :])


def crash_count(log: Sequence[str]) -> int:
    """How often the log shows that the program ended: more than once is a loop of restarts."""
    return sum(line.strip() == _TRACEBACK or _is_fatal(line) for line in log)


def _is_fatal(line: str) -> bool:
    return bool(_CRITICAL.search(line) or (_FATAL.search(line) and not _LOGGED.search(line)))


def _traceback(log: Sequence[str]) -> tuple[int, str] | None:
    """The exception that ends the newest traceback over several lines."""
    starts = [at for at, line in enumerate(log) if line.strip() == _TRACEBACK]
    if not starts:
        return None
    after = range(starts[-1] + 1, len(log))
    end = next((at for at in after if _RAISED.match(log[at])), None)
    return (starts[-1], "a traceback without an end") if end is None else (end, log[end].strip())


def _line(log: Sequence[str]) -> tuple[int, str] | None:
    """The newest single line that reports a crash; a traceback in one line is reduced to its exception."""
    for at in range(len(log) - 1, -1, -1):
        critical = _CRITICAL.search(log[at])
        if critical:
            return at, _shortened(critical.group(1))
        if _FATAL.search(log[at]) and not _LOGGED.search(log[at]):
            return at, log[at].strip()
    return None


def _shortened(text: str) -> str:
    head, *rest = text.split(" | ")
    return f"{head}: {rest[-1]}" if rest else head
