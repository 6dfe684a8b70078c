"""A folder that is not this app's is never replaced: looked at before anything is swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.folder_ownership import refuse_foreign
from bb8deploy.workspace.tree_digest import FoundTree, Manifest, bytes_entry

STAMP = '{"version": "1", "tree": "sha256:x", "commit": "c", "run": "r"}'
OURS, THEIRS = "slug: beep\n", "slug: other\n"


def tree(files: Mapping[str, str], stamp: str = "") -> tuple[FoundTree, dict[str, bytes]]:
    data = {path: text.encode() for path, text in files.items()}
    manifest = Manifest.of(bytes_entry(path, content) for path, content in data.items())
    top = {path: text for path, text in files.items() if "/" not in path and path.startswith("config.")}
    return FoundTree(present=True, manifest=manifest, stamp=stamp, configs=top), data


def check(files: Mapping[str, str], stamp: str = "", want: Mapping[str, str] | None = None) -> None:
    found, data = tree(files, stamp)
    planned = tree(want or {"config.yaml": OURS})[0].manifest

    def fetch(paths: Sequence[str]) -> dict[str, bytes]:
        return {path: data[path] for path in paths}

    refuse_foreign(found, planned, "beep", "host:/addons/beep", fetch)


@pytest.mark.parametrize(
    ("files", "stamp"),
    [
        ({}, ""),
        ({"config.yaml": OURS, "x": "y"}, ""),
        ({"config.json": '{"slug": "beep"}'}, ""),
        ({"x": "y"}, STAMP),
        ({"config.yaml": "not: [yaml", "x": "y"}, STAMP),
        ({"config.yaml": OURS, "www/config.json": '{"theme": 1}'}, ""),
        ({"config.yaml": OURS, "rootfs/config.yaml": THEIRS, ".git/config.yaml": THEIRS}, ""),
    ],
)
def test_a_folder_of_this_app_may_be_replaced(files: dict[str, str], stamp: str) -> None:
    check(files, stamp)


@pytest.mark.parametrize(
    ("files", "stamp", "word"),
    [
        ({"configuration.yaml": "x", "secrets.yaml": "y"}, "", "neither a stamp"),
        ({"notes.txt": "x"}, "{}", "neither a stamp"),
        ({"config.yaml": "not: [yaml"}, "", "neither a stamp"),
        ({"config.yaml": THEIRS}, "", "other"),
        ({"config.yaml": THEIRS}, STAMP, "other"),
        ({"config.yaml": OURS, "inside/config.yaml": THEIRS}, STAMP, "inside"),
        ({"zigbee/config.yaml": "slug: zigbee\n", "beep/config.yaml": OURS}, "", "zigbee"),
    ],
)
def test_a_folder_of_something_else_is_refused(files: dict[str, str], stamp: str, word: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        check(files, stamp)
    assert caught.value.code == "RUNTIME_NOT_OURS"
    assert word in caught.value.cause
    assert "HA_REMOTE_RUNTIME" in caught.value.remedy


def test_a_nested_config_file_that_is_planned_needs_no_look() -> None:
    files = {"config.yaml": OURS, "examples/config.yaml": THEIRS}
    check(files, want=files)


def test_a_folder_that_does_not_exist_is_free() -> None:
    refuse_foreign(FoundTree(present=False), Manifest(()), "beep", "here", lambda _paths: {})
