"""What an image has below /usr is in the container's, with links to the rest of this machine's /usr."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.seal_paths import LAUNCHER
from ha_sandbox.runtime.merged_usr import HOST_USR, has_own_usr, merge_usr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree/usr/src/app").mkdir(parents=True)
    (tmp_path / "tree/usr/src/app/main").write_text("")
    return tmp_path / "tree"


def put(tree: Path, path: str, text: str = "own") -> Path:
    place = tree / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def test_sources_and_the_launcher_need_no_usr_of_their_own(tree: Path) -> None:
    put(tree, LAUNCHER)
    (tree / "usr/share/empty").mkdir(parents=True)
    assert not has_own_usr(tree)
    put(tree, "/usr/bin/hello")
    assert has_own_usr(tree)


@pytest.mark.parametrize("writable", [False, True])
def test_files_of_the_image_come_first_and_everything_else_leads_to_this_machine(
    tree: Path, writable: bool
) -> None:
    program = put(tree, "/usr/bin/hello")
    put(tree, "/usr/bin/env", "its own env")
    put(tree, "/usr/share/of-the-app/deep/words")
    (tree / "usr/bin/link").symlink_to("hello")
    target = tree.parent / "usr"
    merge_usr(tree, target, writable=writable)
    merge_usr(tree, target, writable=writable)
    assert (target / "bin/hello").samefile(program) is not writable
    assert (target / "bin/env").read_text() == "its own env"
    assert (target / "share/of-the-app/deep/words").read_text() == "own"
    assert str((target / "bin/link").readlink()) == "hello"
    assert str((target / "bin/sh").readlink()) == f"{HOST_USR}/bin/sh"
    assert str((target / "lib").readlink()) == f"{HOST_USR}/lib"
    assert str((target / "bin/with-contenv").readlink()) == "/command/with-contenv"
    assert list((target / "src").iterdir()) == []
