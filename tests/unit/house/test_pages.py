"""Each code that a user can meet has a page, and each page has a code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ops.docs import codes
from tests.unit.house.sources import ROOT

PAGES = sorted(codes.PAGES.glob("*.md"))


def test_each_code_in_the_source_has_a_page() -> None:
    known = set(codes.documented())
    bare = {u.code: f"{u.path.relative_to(ROOT)}:{u.line}" for u in codes.uses() if u.code not in known}
    assert not bare


def test_no_page_is_about_a_code_that_nothing_uses() -> None:
    assert not {page.stem for page in PAGES} - codes.literals().keys()


def test_the_search_finds_the_codes() -> None:
    """A change of style that hid the codes from the search would fail here."""
    assert len({use.code for use in codes.uses()}) > 0.8 * len(codes.documented())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_it_means_why_it_matters_and_what_to_do(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(rf"# {page.stem}: \S.*[^.]", lines[0])
    assert lines[1] == ""
    text = "\n".join(lines[2:])
    assert 0 < text.index("**Why it matters.**") < text.index("**What to do.**")
    assert len(lines) <= 20
