"""Version numbers: the calendar scheme YYYY.M.D.P, semantic versions, and what a bump makes of them."""

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
_CALENDAR = re.compile(rf"([0-9]{{4}})\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}")
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SEMANTIC = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIERS}))?")
# A version of tomorrow may be right: it is already tomorrow somewhere. One of next year is a slip.
_AHEAD = timedelta(days=1)


class Scheme(StrEnum):
    """The two ways to count; a workspace keeps to one."""

    CALENDAR = "YYYY.M.D.P"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Version:
    """A parsed version. `numbers` are year, month, day, patch or major, minor, patch; `pre` is semantic."""

    scheme: Scheme
    numbers: tuple[int, ...]
    pre: str = ""

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers)) + (f"-{self.pre}" if self.pre else "")

    @property
    def day(self) -> date:
        """The day of a calendar version."""
        return date(*self.numbers[:3])

    def newer_than(self, other: Version) -> bool:
        """Whether this version comes after `other` of the same scheme."""
        return _order(self) > _order(other)


def parse(text: str) -> Version:
    """Reads a version; raises UsageError (VERSION_INVALID) where it is of neither scheme."""
    if found := _CALENDAR.fullmatch(text):
        version = Version(Scheme.CALENDAR, tuple(int(part) for part in found.groups()))
        if _is_day(version.numbers):
            return version
    elif found := _SEMANTIC.fullmatch(text):
        *numbers, pre = found.groups()
        return Version(Scheme.SEMANTIC, tuple(int(part) for part in numbers), pre or "")
    raise VERSION_INVALID(f"`{text}` is neither a calendar version (YYYY.M.D.P) nor a semantic one (X.Y.Z)")


def bump(current: str, how: str, today: date) -> Version:
    """The version that follows `current`: `how` is `patch`, `date` or a version.

    `patch` adds one to the last number (and ends a semantic pre-release); `date` moves to `today` with
    patch 0, on the same day to the next patch. Raises UsageError where the schemes differ, the clock is
    behind `current`, or an explicit version is not newer or lies in the future.
    """
    now = parse(current)
    if how == "patch":
        return _patch(now)
    if how == "date":
        return _to_date(now, today)
    return _explicit(now, parse(how), today)


def _patch(now: Version) -> Version:
    if now.pre:
        return Version(now.scheme, now.numbers)
    return Version(now.scheme, (*now.numbers[:-1], now.numbers[-1] + 1))


def _to_date(now: Version, today: date) -> Version:
    if now.scheme is not Scheme.CALENDAR:
        raise _mixed(now, "date")
    if today < now.day:
        raise VERSION_CLOCK_BEHIND(
            f"today is {today.isoformat()} by this machine's clock, before the day of {now}"
        )
    return _patch(now) if today == now.day else _of_day(today)


def _explicit(now: Version, wanted: Version, today: date) -> Version:
    if wanted.scheme is not now.scheme:
        raise _mixed(now, str(wanted))
    if not wanted.newer_than(now):
        raise VERSION_NOT_NEWER(
            f"{wanted} does not come after {now}, the version in the workspace",
            f"Choose a version after {now}, or use `patch`.",
        )
    if wanted.scheme is Scheme.CALENDAR and wanted.day > today + _AHEAD:
        raise VERSION_IN_FUTURE(f"{wanted} names a day to come: today is {today.isoformat()}")
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
    words = version.pre.split(".") if version.pre else []
    ranks = tuple((0, int(w), "") if w.isdigit() else (1, 0, w) for w in words)
    return (version.numbers, not version.pre, ranks)
