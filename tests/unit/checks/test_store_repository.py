"""The rules of a store: what keeps Home Assistant from taking a repository, and what it would show badly."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.findings import Level
from bb8deploy.checks.store_repository import PAGES, check_pages, check_repository

GOOD = 'name: Demo\nurl: "https://example.org/demo"\nmaintainer: Somebody <a@example.org>\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "translations").mkdir()
    for name in PAGES:
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" if name.endswith(".png") else b"words\n")
    (tmp_path / "repository.yaml").write_text(GOOD)
    return tmp_path


def found(tree: Path) -> list[tuple[str, str, int | None]]:
    every = [*check_repository(tree, Level.ERROR), *check_pages(tree)]
    return [(f.code, f.path, f.line) for f in every]


def test_a_whole_store_has_no_finding(tree: Path) -> None:
    assert found(tree) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_missing_page_is_named(tree: Path, name: str) -> None:
    (tree / name).unlink()
    assert found(tree) == [("STORE_PAGE_MISSING", name, None)]


def test_a_picture_that_is_none_is_named(tree: Path) -> None:
    (tree / "icon.png").write_bytes(b"GIF89a")
    assert found(tree) == [("STORE_PAGE_MISSING", "icon.png", None)]


def test_without_a_repository_file_it_is_not_a_store(tree: Path) -> None:
    (tree / "repository.yaml").unlink()
    assert found(tree) == [("REPOSITORY_MISSING", "repository.yaml", None)]


def test_the_repository_file_may_be_json(tree: Path) -> None:
    (tree / "repository.yaml").unlink()
    (tree / "repository.json").write_text('{"name": "Demo"}')
    assert found(tree) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n",
        "name: 3\n",
        "maintainer: x\n",
        "name: a\nurl: nowhere\n",
        "name: a\nmaintainer: [x]\n",
        "a: : b",
    ],
)
def test_a_repository_file_that_the_supervisor_refuses_is_an_error(tree: Path, text: str) -> None:
    (tree / "repository.yaml").write_text(text)
    assert found(tree) == [("REPOSITORY_INVALID", "repository.yaml", None)]


@pytest.mark.parametrize(
    ("link", "works"),
    [
        ("[docs](DOCS.md)", True),
        ("[docs](DOCS.md#options)", True),
        ("[here](#here)", True),
        ('[docs](DOCS.md "a title")', True),
        ("[![badge](https://example.org/b.svg)](DOCS.md)", True),
        ("[mail](mailto:a@example.org)", True),
        ("![gone](picture.png)", False),
        ("[![badge](https:///b.svg)](DOCS.md)", False),
        ("[up](../README.md)", False),
        ("[root](/DOCS.md)", False),
    ],
)
def test_a_link_that_leads_nowhere_after_publishing_is_named_with_its_line(
    tree: Path, link: str, works: bool
) -> None:
    (tree / "README.md").write_text(f"# Demo\n\nSee {link}.\n")
    assert found(tree) == ([] if works else [("STORE_LINK_BROKEN", "README.md", 3)])


def test_a_link_of_an_app_in_a_store_may_lead_to_another_file_of_the_store(
    tmp_path: Path, tree: Path
) -> None:
    store, copy = tmp_path / "store", tmp_path / "elsewhere" / "copy"
    app = store / "app"
    app.mkdir(parents=True)
    (store / "LICENSE").write_text("MIT")
    copy.mkdir(parents=True)
    for name in PAGES:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_bytes((tree / name).read_bytes())
    links = "[license](../LICENSE), [nowhere](../NO), [outside](../../repository.yaml)"
    (copy / "README.md").write_text(links)
    messages = [one.message for one in check_pages(copy, within=(store, app))]
    assert [message.split()[3] for message in messages] == ["../NO", "../../repository.yaml"]
    assert len(list(check_pages(copy))) == 3
