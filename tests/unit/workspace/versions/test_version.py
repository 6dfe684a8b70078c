"""Versions: what each bump gives, and which requests are refused."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace.versions.version import Scheme, bump, parse

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("current", "how", "expected"),
    [
        ("2026.11.23.0", "patch", "2026.11.23.1"),
        ("2025.8.21.50", "patch", "2025.8.21.51"),
        ("2025.8.21.50", "date", "2026.11.23.0"),
        ("2026.11.23.4", "date", "2026.11.23.5"),
        ("2025.8.21.50", "2026.1.1.0", "2026.1.1.0"),
        ("2026.11.23.0", "2026.11.24.0", "2026.11.24.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.4-rc.1", "patch", "1.2.4"),
        ("1.2.3", "2.0.0-beta.2", "2.0.0-beta.2"),
        ("2.0.0-beta.2", "2.0.0-beta.10", "2.0.0-beta.10"),
        ("2.0.0-beta.2", "2.0.0", "2.0.0"),
    ],
)
def test_a_bump_gives_the_next_version(current: str, how: str, expected: str) -> None:
    assert str(bump(current, how, TODAY)) == expected


@pytest.mark.parametrize(
    ("current", "how", "code"),
    [
        ("2026.11.24.0", "date", "VERSION_CLOCK_BEHIND"),
        ("1.2.3", "date", "VERSION_SCHEME_MIXED"),
        ("1.2.3", "2026.11.23.0", "VERSION_SCHEME_MIXED"),
        ("2026.11.23.0", "3.0.0", "VERSION_SCHEME_MIXED"),
        ("2026.11.23.0", "2026.11.22.9", "VERSION_NOT_NEWER"),
        ("2026.11.23.0", "2026.11.23.0", "VERSION_NOT_NEWER"),
        ("1.2.3", "1.2.3-rc.1", "VERSION_NOT_NEWER"),
        ("2026.11.23.0", "2027.11.23.0", "VERSION_IN_FUTURE"),
        ("2026.11.23.0", "minor", "VERSION_INVALID"),
        ("nightly", "patch", "VERSION_INVALID"),
    ],
)
def test_a_request_that_cannot_be_is_refused(current: str, how: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        bump(current, how, TODAY)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text", ["2026.13.1.0", "2026.2.30.0", "2026.01.02.0", "01.2.3", "1.2", "v1.2.3", "1.2.3+x"]
)
def test_a_text_that_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@given(day=st.dates(date(2000, 1, 1), date(2099, 12, 31)), patch=st.integers(0, 10_000))
def test_a_calendar_version_reads_back_as_written(day: date, patch: int) -> None:
    text = f"{day.year}.{day.month}.{day.day}.{patch}"
    version = parse(text)
    assert (str(version), version.scheme, version.day) == (text, Scheme.CALENDAR, day)
    assert bump(text, "patch", TODAY).newer_than(version)
