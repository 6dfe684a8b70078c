"""The tree walker: order, skipping, links, depth and folders that cannot be listed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bb8deploy.workspace.folder_walk import walk_items


def keep_all(_path: str, _is_dir: bool) -> bool:
    return False


def never(path: str, error: OSError) -> None:
    raise AssertionError(f"{path}: {error}")


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_all_items_of_a_folder_come_sorted_before_the_content_of_its_folders(tmp_path: Path) -> None:
    make(tmp_path, "b/2", "b/1", "a", "c/d/e")
    paths = [item.path for item in walk_items(tmp_path, skip=keep_all, unreadable=never)]
    assert paths == ["a", "b", "c", "c/d", "c/d/e", "b/1", "b/2"]


def test_a_skipped_folder_is_left_out_with_its_content(tmp_path: Path) -> None:
    make(tmp_path, "keep/x", "skip/x", "keep/skip")
    found = walk_items(tmp_path, skip=lambda path, is_dir: is_dir and path == "skip", unreadable=never)
    assert [item.path for item in found] == ["keep", "keep/skip", "keep/x"]


def test_a_link_to_a_folder_is_an_item_and_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "real/x")
    (tmp_path / "link").symlink_to("real")
    found = {item.path: item for item in walk_items(tmp_path, skip=keep_all, unreadable=never)}
    assert set(found) == {"link", "real", "real/x"}
    assert not found["link"].is_dir


def test_folders_below_the_greatest_depth_are_not_listed(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c/d")
    found = list(walk_items(tmp_path, skip=keep_all, unreadable=never, max_depth=1))
    assert [(item.path, item.depth) for item in found] == [("a", 0), ("a/b", 1), ("a/b/c", 2)]


def test_a_tree_deeper_than_the_stack_of_python_is_walked(tmp_path: Path) -> None:
    root, depth = tmp_path / "deep", 1200
    root.mkdir()
    try:
        subprocess.run(
            ["sh", "-c", f"cd {root}; for _ in $(seq {depth}); do mkdir d; cd d; done"], check=True
        )
        assert sum(1 for _ in walk_items(root, skip=keep_all, unreadable=never)) == depth
    finally:
        # shutil.rmtree, with which pytest cleans up, is recursive in Python 3.11.
        subprocess.run(["rm", "-rf", str(root)], check=True)


def test_a_folder_that_cannot_be_listed_is_reported_and_the_walk_goes_on(tmp_path: Path) -> None:
    make(tmp_path, "gone/x", "here")
    seen: list[str] = []
    for item in walk_items(tmp_path, skip=keep_all, unreadable=lambda path, _: seen.append(path)):
        if item.path == "gone":
            (tmp_path / "gone/x").unlink()
            (tmp_path / "gone").rmdir()
    assert seen == ["gone"]


def test_the_root_itself_is_reported_with_an_empty_path(tmp_path: Path) -> None:
    def refuse(path: str, error: OSError) -> None:
        raise LookupError(path) from error

    with pytest.raises(LookupError) as caught:
        list(walk_items(tmp_path / "none", skip=keep_all, unreadable=refuse))
    assert caught.value.args == ("",)
