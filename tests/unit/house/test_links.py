"""Every local link of the pages leads to a file, and to a heading in it if it names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ops.docs import commands
from tests.unit.house.sources import ROOT

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PAGES = [page for page in commands.pages() if page.is_relative_to(ROOT)]


def _links(page: Path) -> list[str]:
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to headings: lower case, punctuation gone, spaces as dashes."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_local_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in _links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    assert not dead


def test_the_readme_leads_to_every_page_of_the_docs() -> None:
    """Directly or through the pages that it names; what nobody can find, nobody reads."""
    reached: set[Path] = set()
    new = {ROOT / "README.md"}
    while new:
        reached |= new
        new = {
            target
            for page in new
            if page.suffix == ".md"
            for link in _links(page)
            if (target := (page.parent / link.partition("#")[0]).resolve()).is_file()
        } - reached
    assert not set((ROOT / "docs").rglob("*.md")) - reached
