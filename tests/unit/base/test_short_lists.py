"""Lists of names and lines in messages."""

from __future__ import annotations

import pytest

from bb8deploy.base.short_lists import first_few, first_lines


@pytest.mark.parametrize(
    ("names", "text"),
    [((), ""), (("a",), "a"), (("a", "b"), "a, b"), (("a", "b", "c", "d"), "a, b and 2 more")],
)
def test_only_the_first_names_are_shown_and_the_others_counted(names: tuple[str, ...], text: str) -> None:
    assert first_few(names, 2) == text


@pytest.mark.parametrize(
    ("lines", "shown"),
    [([], []), (["a", "b"], ["a", "b"]), (["a", "b", "c"], ["a", "b", "... and 1 more"])],
)
def test_only_the_first_lines_are_shown_and_the_others_counted(lines: list[str], shown: list[str]) -> None:
    assert first_lines(lines, 2) == shown
