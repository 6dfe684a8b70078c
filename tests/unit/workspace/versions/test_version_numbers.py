"""Versions: what each bump gives, and which requests are refused."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace.versions.version_numbers import Pre, Scheme, bump, next_part, parse

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
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.3.0-beta.2", "minor", "1.3.0"),
        ("1.2.4-beta.2", "minor", "1.3.0"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("1.3.0-rc.1", "major", "2.0.0"),
        ("1.2", "patch", "1.3"),
        ("1.2", "major", "2.0"),
        ("1.3b2", "patch", "1.3"),
        ("1.6.0.2", "patch", "1.6.0.3"),
        ("1.6.0.2", "minor", "1.7.0.0"),
        ("2026.11.23.0b2", "patch", "2026.11.23.0"),
        ("2026.11.23.0b2", "date", "2026.11.23.0"),
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
        ("2026.11.23.0", "minor", "VERSION_SCHEME_MIXED"),
        ("2026.11.23.0", "major", "VERSION_SCHEME_MIXED"),
        ("1.2", "date", "VERSION_SCHEME_MIXED"),
        ("1.2", "1.2.3", "VERSION_SCHEME_MIXED"),
        ("1.2", "1.2.3.4", "VERSION_SCHEME_MIXED"),
        ("1.2.3", "next", "VERSION_INVALID"),
        ("nightly", "patch", "VERSION_INVALID"),
    ],
)
def test_a_request_that_cannot_be_is_refused(current: str, how: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        bump(current, how, TODAY)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text", ["2026.13.1.0", "2026.2.30.0", "2026.01.02.0", "01.2.3", "1.2.3.4.5", "v1.2.3", "1.2.3+x"]
)
def test_a_text_that_is_not_a_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@given(day=st.dates(date(2000, 1, 1), date(2099, 12, 31)), patch=st.integers(0, 10_000))
def test_a_calendar_version_reads_back_as_written(day: date, patch: int) -> None:
    text = f"{day.year}.{day.month}.{day.day}.{patch}"
    version = parse(text)
    assert (str(version), version.scheme, version.day) == (text, Scheme.CALENDAR, day)
    assert bump(text, "patch", TODAY).newer_than(version)


@pytest.mark.parametrize(
    ("current", "how", "pre", "expected"),
    [
        ("1.2.3", "patch", Pre.BETA, "1.2.4-beta.1"),
        ("1.2.3", "minor", Pre.ALPHA, "1.3.0-alpha.1"),
        ("1.3.0-alpha.1", "minor", Pre.ALPHA, "1.3.0-alpha.2"),
        ("1.3.0-alpha.9", "minor", Pre.ALPHA, "1.3.0-alpha.10"),
        ("1.3.0-alpha.2", "minor", Pre.RC, "1.3.0-rc.1"),
        ("1.3.0-beta.1", "patch", Pre.BETA, "1.3.0-beta.2"),
        ("1.3.0-beta.1", "major", Pre.BETA, "2.0.0-beta.1"),
        ("1.3.0-nightly", "patch", Pre.RC, "1.3.0-rc.1"),
        ("1.2", "patch", Pre.BETA, "1.3b1"),
        ("1.3b1", "patch", Pre.BETA, "1.3b2"),
        ("2026.11.22.4", "date", Pre.BETA, "2026.11.23.0b1"),
        ("2026.11.23.0b1", "date", Pre.BETA, "2026.11.23.0b2"),
        ("2026.11.23.0", "patch", Pre.RC, "2026.11.23.1rc1"),
    ],
)
def test_a_pre_release_comes_before_its_version_and_is_counted(
    current: str, how: str, pre: Pre, expected: str
) -> None:
    made = bump(current, how, TODAY, pre)
    assert str(made) == expected
    assert made.newer_than(parse(current))
    assert bump(str(made), "patch", TODAY).newer_than(made)


@pytest.mark.parametrize("word", ["pre", "beta", "next"])
def test_a_word_that_is_no_version_names_those_that_are_and_the_way_to_a_pre_release(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        bump("1.2.3", word, TODAY)
    assert "patch, minor, major, auto" in caught.value.cause
    assert "`--pre beta`" in caught.value.remedy


@pytest.mark.parametrize(
    ("current", "how", "code"),
    [
        ("1.3.0-rc.1", "patch", "VERSION_NOT_NEWER"),
        ("1.2.3", "1.3.0", "VERSION_INVALID"),
        ("2026.11.23.0", "minor", "VERSION_SCHEME_MIXED"),
    ],
)
def test_a_pre_release_that_cannot_be_is_refused(current: str, how: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        bump(current, how, TODAY, Pre.BETA)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.1.9", "1.2.0-alpha.1", "1.2.0-beta.1", "1.2.0-beta.10", "1.2.0-rc.1", "1.2.0", "1.2.1-beta.1"],
        ["2026.11.22.9", "2026.11.23.0b1", "2026.11.23.0b10", "2026.11.23.0rc1", "2026.11.23.0"],
        ["1.1", "1.2b1", "1.2b2", "1.2rc1", "1.2", "1.10"],
    ],
)
def test_the_order_is_that_of_home_assistant(ordered: list[str]) -> None:
    """As AwesomeVersion 25.8 compares them; `2026.11.23.0-beta.1` it cannot compare with anything."""
    versions = [parse(text) for text in ordered]
    assert [str(version) for version in versions] == ordered
    assert all(later.newer_than(earlier) for earlier, later in itertools.pairwise(versions))


def test_a_dash_after_four_numbers_is_not_a_version() -> None:
    with pytest.raises(UsageError):
        parse("2026.11.23.0-beta.1")


def test_a_version_may_be_what_a_part_made() -> None:
    made = {"minor 1.3.0": True, "minor 1.3.1": False, "major 2.0.0": True, "major 2.1.0": False}
    for text, expected in {**made, "patch 1.3.1": True}.items():
        how, version = text.split()
        assert next_part(how, parse(version)) is expected, text
