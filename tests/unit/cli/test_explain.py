"""`bb8deploy explain`: one code in words, all codes by area, and the nearest one for a misspelt code."""

from __future__ import annotations

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.catalogue.code_lookup import TITLES, entries
from bb8deploy.catalogue.error_code import Area
from bb8deploy.cli.tools.explain import listing, page, wrapped


def test_all_codes_are_listed_with_their_titles_under_the_headings_of_their_areas() -> None:
    lines = list(listing())
    headings = [line for line in lines if line in TITLES.values()]
    assert headings == [TITLES[area] for area in Area]
    listed = {line.split()[0] for line in lines if line.startswith("  ")}
    assert listed == entries().keys()
    (line,) = [line for line in lines if line.startswith("  SSH_LOST ")]
    assert line.endswith("the connection was lost (exit code 3)")


def test_a_page_has_the_exit_code_the_meaning_and_the_remedy_in_short_lines() -> None:
    text = wrapped(page("SSH_LOST"), 0)
    assert text.startswith("# SSH_LOST: the connection was lost\n\nExit code 3.\n\n**What it means.** ")
    assert "**What to do.** Run the same command again." in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_misspelt_code_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        page("SSH_LOTS")
    assert (caught.value.code, caught.value.remedy) == ("CODE_UNKNOWN", "Did you mean SSH_LOST?")
