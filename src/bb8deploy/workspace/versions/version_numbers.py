"""Version numbers in three schemes, their order as Home Assistant compares them, and what a bump makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from bb8deploy.base.errors import UsageError
from bb8deploy.catalogue.errors.ship.release import (
    VERSION_CLOCK_BEHIND,
    VERSION_IN_FUTURE,
    VERSION_INVALID,
    VERSION_NOT_NEWER,
    VERSION_SCHEME_MIXED,
)

_NUMBER = r"(0|[1-9][0-9]*)"
# Home Assistant (AwesomeVersion) compares pre-releases in these forms only: `-beta.1` after three numbers,
# `b1` after two or four. A dash after four numbers makes a version that it cannot compare.
_SHORT = r"((?:a|b|rc)[0-9]+)?"
_CALENDAR = re.compile(rf"([0-9]{{4}})\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}{_SHORT}")
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SEMANTIC = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIERS}))?")
_DOTTED = re.compile(rf"{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER}\.{_NUMBER})?{_SHORT}")
# A version of tomorrow may be right: it is already tomorrow somewhere. One of next year is a slip.
_AHEAD = timedelta(days=1)
PARTS = {"major": 0, "minor": 1}
"""The bumps that raise one of the first numbers, with its place."""


class Scheme(StrEnum):
    """The ways to count; a workspace keeps to one. DOTTED has two or four numbers, such as 1.2 or 1.6.0.2."""

    CALENDAR = "YYYY.M.D.P"
    SEMANTIC = "semantic"
    DOTTED = "dotted"


class Pre(StrEnum):
    """The stages of pre-releases, in their order."""

    ALPHA = "alpha"
    BETA = "beta"
    RC = "rc"


_SHORT_OF = {Pre.ALPHA: "a", Pre.BETA: "b", Pre.RC: "rc"}


@dataclass(frozen=True, slots=True)
class Version:
    """A parsed version. `numbers` are year, month, day, patch; major, minor, patch; or two or four numbers.

    `pre` is the text of a pre-release: `beta.1` in the semantic scheme, `b1` in the others.
    """

    scheme: Scheme
    numbers: tuple[int, ...]
    pre: str = ""

    def __str__(self) -> str:
        dash = "-" if self.pre and self.scheme is Scheme.SEMANTIC else ""
        return ".".join(map(str, self.numbers)) + dash + self.pre

    @property
    def day(self) -> date:
        """The day of a calendar version."""
        return date(*self.numbers[:3])

    def newer_than(self, other: Version) -> bool:
        """Whether this version comes after `other` of the same scheme."""
        return _order(self) > _order(other)


def parse(text: str) -> Version:
    """Reads a version; raises UsageError (VERSION_INVALID) for one of no scheme."""
    if found := _CALENDAR.fullmatch(text):
        version = _version(Scheme.CALENDAR, found.groups())
        if _is_day(version.numbers):
            return version
    elif found := _SEMANTIC.fullmatch(text) or _DOTTED.fullmatch(text):
        return _version(Scheme.SEMANTIC if found.re is _SEMANTIC else Scheme.DOTTED, found.groups())
    raise VERSION_INVALID(
        f"`{text}` is neither a calendar version (YYYY.M.D.P) nor a semantic (X.Y.Z) or dotted one (X.Y)"
    )


def bump(current: str, how: str, today: date, pre: Pre | None = None) -> Version:
    """The version that follows `current`: `how` is `patch`, `minor`, `major`, `date` or a version.

    `patch` adds one to the last number, `minor` and `major` to theirs; each ends a pre-release of that very
    version. `date` moves to `today` with patch 0, on the same day to the next patch. `pre` makes a
    pre-release of the result, or the next one. Raises UsageError if the schemes differ, the clock is behind
    `current`, or the result is not newer or is in the future.
    """
    now = parse(current)
    if how not in {"patch", "date", *PARTS}:
        return _explicit(now, how, today, pre)
    target = _to_date(now, today) if how == "date" else _raised(now, how)
    return _pre_release(now, target, pre) if pre else target


def next_part(how: str, now: Version) -> bool:
    """Whether `now` may be what `how` made: its numbers after the raised one are zero."""
    return how not in PARTS or not any(now.numbers[PARTS[how] + 1 :])


def _version(scheme: Scheme, groups: tuple[str | None, ...]) -> Version:
    *numbers, pre = groups
    return Version(scheme, tuple(int(part) for part in numbers if part is not None), pre or "")


def _raised(now: Version, how: str) -> Version:
    """The next version without a pre-release; a pre-release of it is ended."""
    if how in PARTS and now.scheme is Scheme.CALENDAR:
        raise _mixed(now, how)
    place = PARTS.get(how, len(now.numbers) - 1)
    after = now.numbers[place + 1 :]
    if now.pre and not any(after):
        return Version(now.scheme, now.numbers)
    return Version(now.scheme, (*now.numbers[:place], now.numbers[place] + 1, *(0 for _ in after)))


def _pre_release(now: Version, target: Version, pre: Pre) -> Version:
    """The first pre-release of `target`, or the one after `now`."""
    semantic = now.scheme is Scheme.SEMANTIC
    stage = f"{pre}." if semantic else _SHORT_OF[pre]
    count = 1
    if now.numbers == target.numbers and now.pre.startswith(stage) and now.pre[len(stage) :].isdigit():
        count = int(now.pre[len(stage) :]) + 1
    wanted = Version(now.scheme, target.numbers, f"{stage}{count}")
    return _require_newer(now, wanted)


def _to_date(now: Version, today: date) -> Version:
    if now.scheme is not Scheme.CALENDAR:
        raise _mixed(now, "date")
    if today < now.day:
        raise VERSION_CLOCK_BEHIND(
            f"today is {today.isoformat()} by this machine's clock, before the day of {now}"
        )
    return _raised(now, "patch") if today == now.day else _of_day(today)


def _explicit(now: Version, how: str, today: date, pre: Pre | None) -> Version:
    if how.isalpha():
        raise VERSION_INVALID(
            f"`{how}` is neither a version nor one of patch, minor, major, auto and date",
            "Use one of these words or a version such as 1.4.2; `--pre beta` makes a pre-release of it.",
        )
    wanted = parse(how)
    if pre:
        raise VERSION_INVALID(
            f"`{how}` is a whole version, which --pre {pre} cannot change",
            "Write the pre-release into the version, or use `patch`, `minor` or `major` with --pre.",
        )
    if wanted.scheme is not now.scheme or len(wanted.numbers) != len(now.numbers):
        raise _mixed(now, str(wanted))
    _require_newer(now, wanted)
    if wanted.scheme is Scheme.CALENDAR and wanted.day > today + _AHEAD:
        raise VERSION_IN_FUTURE(f"{wanted} names a day to come: today is {today.isoformat()}")
    return wanted


def _require_newer(now: Version, wanted: Version) -> Version:
    if not wanted.newer_than(now):
        raise VERSION_NOT_NEWER(
            f"{wanted} does not come after {now}, the version in the workspace",
            f"Choose a version after {now}, or use `patch`.",
        )
    return wanted


def _mixed(now: Version, wanted: str) -> UsageError:
    return VERSION_SCHEME_MIXED(f"`{wanted}` does not fit {now}, which is a {now.scheme.value} version")


def _of_day(day: date) -> Version:
    return Version(Scheme.CALENDAR, (day.year, day.month, day.day, 0))


def _is_day(numbers: tuple[int, ...]) -> bool:
    try:
        date(*numbers[:3])
    except ValueError:
        return False
    return True


def _order(version: Version) -> tuple[object, ...]:
    """A sort key by Semantic Versioning 2.0 clause 11: a pre-release comes before its release."""
    between = r"\." if version.scheme is Scheme.SEMANTIC else "(?<=[a-z])(?=[0-9])"
    words = re.split(between, version.pre) if version.pre else []
    ranks = tuple((0, int(w), "") if w.isdigit() else (1, 0, w) for w in words)
    return (version.numbers, not version.pre, ranks)
