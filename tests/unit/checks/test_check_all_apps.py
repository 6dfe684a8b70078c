"""Whole stores: which folders are apps, one list of findings, what is about the store itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.checks.check_all_apps import base_of, check_apps, find_apps
from bb8deploy.checks.rule_selection import Selection, read_selection

CONFIG = 'name: A\nversion: "1"\nslug: {slug}\ndescription: x\narch: [amd64]\ninit: false\n'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A repository with ten apps, one of them deeper in the tree."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "repository.yaml").write_text("name: Store\n")
    for number in range(9):
        add(tmp_path / f"app{number}", f"app{number}")
    add(tmp_path / "more" / "deep", "deep")
    add(tmp_path / "app0" / "rootfs" / "inner", "inner")
    add(tmp_path / ".hidden", "hidden")
    return tmp_path


def add(folder: Path, slug: str) -> None:
    """Writes a sound app."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.format(slug=slug))
    (folder / "Dockerfile").write_text("FROM a/b\n")


def test_a_root_a_pattern_and_a_config_file_mean_apps(store: Path) -> None:
    assert len(find_apps([str(store)])) == 10
    assert [one.name for one in find_apps([str(store / "app[12]")])] == ["app1", "app2"]
    assert find_apps([str(store / "app1" / "config.yaml"), str(store / "app1")]) == [store / "app1"]
    with pytest.raises(UsageError):
        find_apps([str(store / "none*")])


def test_a_sound_store_has_no_finding_but_notes(store: Path) -> None:
    folders = find_apps([str(store)])
    result = check_apps(folders, Selection(), base=base_of(folders))
    assert result.base == store
    assert [app.folder for app in result.apps][-1] == "more/deep"
    assert result.findings == []


def test_paths_are_relative_to_the_repository(store: Path) -> None:
    (store / "more/deep/Dockerfile").write_text("FROM a/b\nCOPY gone /\n")
    folders = find_apps([str(store)])
    (found,) = check_apps(folders, Selection(), base=base_of(folders)).findings
    assert (found.code, found.path, found.line) == ("COPY_SOURCE_MISSING", "more/deep/Dockerfile", 2)


def test_two_apps_with_one_slug_and_a_bad_repository_file_are_errors(store: Path) -> None:
    (store / "app1/config.yaml").write_text(CONFIG.format(slug="app2"))
    (store / "repository.yaml").write_text("url: x\n")
    folders = find_apps([str(store)])
    result = check_apps(folders, Selection(), base=store)
    assert {one.code for one in result.findings} == {"SLUG_TWICE", "REPOSITORY_INVALID"}
    assert [one.path for one in result.findings if one.code == "SLUG_TWICE"] == ["app2"]


def test_an_unused_setting_of_the_store_is_one_warning(store: Path) -> None:
    (store / "app1/config.yaml").write_text(CONFIG.format(slug="app1") + "nonsense: 1\n")
    selection = read_selection({"ignore": ["CONFIG_UNKNOWN_KEY", "PACKAGE_PY3_VENV"]}, "bb8deploy.toml")
    result = check_apps(find_apps([str(store)]), selection, base=store)
    assert [(one.code, one.path) for one in result.findings] == [("IGNORE_UNUSED", "bb8deploy.toml")]


def test_outside_of_git_the_base_is_what_the_folders_share(tmp_path: Path) -> None:
    add(tmp_path / "a", "a")
    add(tmp_path / "b", "b")
    folders = find_apps([str(tmp_path / "a"), str(tmp_path / "b")])
    if base_of(folders[:1]) == folders[0]:  # unless the temporary folder is in a checkout
        assert base_of(folders) == tmp_path
