"""The website has each page of docs/ in its nav, and links that lead to the same place as on GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ops.site import hooks
from tests.unit.house.sources import ROOT

CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
BLOB = "https://git.example/blob/main"


def flat(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from flat(below)


def test_each_page_has_one_place_in_the_nav() -> None:
    named = list(flat(list(hooks.expand(CONFIG["nav"]))))
    docs = ROOT / "docs"
    pages = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")]
    assert sorted(named) == sorted([*pages, *hooks.OUTSIDE])


def test_the_first_page_leads_to_the_start_page_of_each_reader() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    starts = sorted(path.name for path in (ROOT / "docs" / "start").glob("*.md"))
    assert starts == ["app-author.md", "ci.md", "operator.md", "robot-owner.md"]
    assert all(f"](start/{name})" in text for name in starts)


def test_the_site_asks_no_other_server_for_fonts_and_fails_for_a_dead_link() -> None:
    assert CONFIG["theme"]["font"] is False
    assert set(CONFIG["validation"]["links"].values()) == {"warn"}
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if "mkdocs build --strict" in line]
    assert "--quiet" not in line, "it would hide the warnings from --strict too"


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("cli.md", "errors.md#a", "errors.md#a"),
        ("lanes/sync.md", "../tokens.md", "../tokens.md"),
        ("index.md", "#here", "#here"),
        ("index.md", "/cli.md", "/cli.md"),
        ("index.md", "https://x.example/../a", "https://x.example/../a"),
        ("ARCHITECTURE.md", "../addon/DOCS.md#safety", "addon/DOCS.md#safety"),
        ("start/ci.md", "../../addon/DOCS.md", "../addon/DOCS.md"),
        ("index.md", "../README.md", f"{BLOB}/README.md"),
        ("threat-model.md", "../addon/apparmor.txt", f"{BLOB}/addon/apparmor.txt"),
        ("addon/DOCS.md", "CHANGELOG.md", f"{BLOB}/addon/CHANGELOG.md"),
        ("addon/DOCS.md", "../docs/ci.md", "../ci.md"),
    ],
)
def test_a_link_leads_to_the_page_of_the_site_or_to_the_file_on_github(
    page: str, link: str, expected: str
) -> None:
    assert hooks.address(link, page, BLOB) == expected


def test_links_in_code_are_not_changed() -> None:
    class Page:
        class file:  # noqa: N801 - a field of mkdocs
            src_uri = "ci.md"

        url = "ci/"

    class Config:
        repo_url = "https://git.example/"

    text = "`[a](../README.md)` [b](../README.md)\n```md\n[c](../README.md)\n```\n"
    assert (
        hooks.on_page_markdown(text, Page(), Config())
        == f"`[a](../README.md)` [b]({BLOB}/README.md)\n```md\n[c](../README.md)\n```\n"
    )


def test_a_page_with_a_diagram_loads_the_program_from_the_site() -> None:
    class Page:
        file = None
        url = "lanes/sync/"

    head = "<head></head>"
    assert hooks.on_post_page(head, Page()) == head
    shown = hooks.on_post_page(f'{head}<pre class="mermaid">', Page())
    assert '<script src="../../assets/mermaid.tiny.js"></script></head>' in shown
