"""Lists of names in messages."""

from __future__ import annotations

import pytest

from bb8deploy.base.short_lists import first_few


@pytest.mark.parametrize(
    ("names", "text"),
    [((), ""), (("a",), "a"), (("a", "b"), "a, b"), (("a", "b", "c", "d"), "a, b and 2 more")],
)
def test_only_the_first_names_are_shown_and_the_others_counted(names: tuple[str, ...], text: str) -> None:
    assert first_few(names, 2) == text
