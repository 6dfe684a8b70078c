"""Which lines of a log that is followed again are new, and how a line is painted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.plan.logs.log_display import style_of, unseen


@pytest.mark.parametrize(
    ("known", "lines", "new"),
    [
        ("", "abc", "abc"),
        ("abc", "bcd", "d"),
        ("abc", "abcde", "de"),
        ("abc", "xyz", "xyz"),
        ("abac", "abacd", "d"),
        ("abc", "", ""),
        ("aaa", "aaab", "aab"),
    ],
)
def test_old_lines_at_the_beginning_are_left_out(known: str, lines: str, new: str) -> None:
    assert "".join(unseen(list(known), list(lines))) == new


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_lines_that_differ_are_given_exactly_once(old: int, new: int, window: int) -> None:
    log = [str(number) for number in range(old + new)]
    assert list(unseen(log[:old], log[max(0, old - window) :])) == log[old:]


@pytest.mark.parametrize(
    ("line", "style"),
    [
        ("2026-11-23T10:00:00 ERROR bb8: it fell off", "red"),
        ("[10:00:00] WARNING: low battery", "yellow"),
        ("2026-11-23 10:00:00 DEBUG (MainThread) x", "dim"),
        ("2026-11-23T10:00:00 INFO bb8: no error here", ""),
        ("x" * 80 + " ERROR", ""),
    ],
)
def test_a_line_is_painted_by_its_level(line: str, style: str) -> None:
    assert style_of(line) == style
