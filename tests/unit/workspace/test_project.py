"""The app that a command means: from inside it, from its store, from the workspace, or by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.project import find_project, find_store, home_of


def app(folder: Path, name: str = "config.yaml") -> Path:
    """An app's folder."""
    folder.mkdir(parents=True)
    text = '{"name": "A", "slug": "a"}' if name.endswith(".json") else 'name: A\nversion: "1"\nslug: a\n'
    (folder / name).write_text(text)
    return folder


def refused(start: Path, *, addon: Path | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find_project(start, addon=addon)
    return caught.value


@pytest.mark.parametrize("name", ["config.yaml", "config.yml", "config.json"])
@pytest.mark.parametrize("start", ["", "a", "a/rootfs/etc"])
def test_a_store_with_one_app_is_found_from_its_root_and_from_inside(
    tmp_path: Path, name: str, start: str
) -> None:
    folder = app(tmp_path / "a", name)
    (folder / "rootfs" / "etc").mkdir(parents=True)
    (tmp_path / "repository.yaml").write_text("name: store\n")
    found = find_project(tmp_path / start)
    assert (found.root, found.addon, found.profile) == (tmp_path, folder, "generic")


def test_several_apps_are_listed_and_each_is_found_from_inside_and_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = app(tmp_path / "one"), app(tmp_path / "apps" / "two")
    (tmp_path / ".git").mkdir()
    error = refused(tmp_path)
    assert error.code == "ADDON_SEVERAL"
    assert "has 2 apps: apps/two, one" in error.cause
    assert "--addon" in error.remedy
    assert f"`bb8deploy validate {tmp_path}`" in error.remedy
    monkeypatch.chdir(tmp_path)
    assert "`bb8deploy validate .`" in refused(tmp_path).remedy
    for folder in (one, two):
        for found in (find_project(folder), find_project(tmp_path, addon=folder)):
            assert (found.root, found.addon) == (tmp_path, folder)


def test_the_settings_name_the_app_among_several(tmp_path: Path) -> None:
    app(tmp_path / "one")
    two = app(tmp_path / "two")
    (tmp_path / "bb8deploy.toml").write_text('addon = "two"\nprofile = "bb8"\ntests = "t"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.bb8deploy]\naddon = "one"\n')
    found = find_project(tmp_path)
    assert (found.addon, found.profile, found.tests) == (two, "bb8", tmp_path / "t")
    assert find_project(two) == found
    assert find_project(tmp_path / "one").profile == "generic"


@pytest.mark.parametrize("text", ["[tool.bb8deploy]\ncoverage_threshold = 80\n", "[tool.black]\n"])
def test_a_python_project_needs_no_settings_for_its_addon_folder(tmp_path: Path, text: str) -> None:
    folder = app(tmp_path / "addon")
    (tmp_path / "pyproject.toml").write_text(text)
    for start in (tmp_path, folder):
        assert (find_project(start).root, find_project(start).addon) == (tmp_path, folder)


def test_settings_without_an_app_count_for_the_only_app(tmp_path: Path) -> None:
    folder = app(tmp_path / "my_app")
    (tmp_path / "bb8deploy.toml").write_text("coverage_threshold = 70\n")
    for start in (tmp_path, folder):
        found = find_project(start)
        assert (found.addon, found.coverage_threshold) == (folder, 70.0)


def test_a_config_file_of_another_program_is_not_an_app(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("server:\n  slugs: 3\n")
    (tmp_path / ".git").mkdir()
    assert refused(tmp_path).code == "WORKSPACE_NOT_FOUND"


def test_a_config_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "config.yaml").symlink_to("/proc/self/mem")  # which nobody can read from its start
    assert refused(tmp_path).code == "WORKSPACE_NOT_FOUND"
    (tmp_path / "Dockerfile").touch()
    assert find_project(tmp_path).addon == tmp_path
    with pytest.raises(UsageError) as caught:
        read_addon(tmp_path)
    assert caught.value.code == "ADDON_CONFIG_UNREADABLE"
    assert str(tmp_path / "config.yaml") in caught.value.cause


def test_the_root_of_an_app_alone_is_its_checkout_or_its_own_folder(tmp_path: Path) -> None:
    folder = app(tmp_path / "a")
    found = find_project(tmp_path, addon=folder)
    assert (found.root, found.addon, found.tests) == (folder, folder, None)
    (tmp_path / ".git").mkdir()
    assert find_project(folder).root == tmp_path


def test_both_settings_files_count_and_the_own_one_wins(tmp_path: Path) -> None:
    app(tmp_path / "addon")
    (tmp_path / "pyproject.toml").write_text('[tool.bb8deploy]\nprofile = "bb8"\ntests = "t"\n')
    (tmp_path / "bb8deploy.toml").write_text('profile = "generic"\n[validate]\n')
    found = find_project(tmp_path)
    assert (found.profile, found.tests) == ("generic", tmp_path / "t")


def test_settings_that_cannot_be_read_and_folders_that_do_not_exist_are_errors(tmp_path: Path) -> None:
    assert refused(tmp_path, addon=tmp_path / "no").code == "ADDON_NOT_FOUND"
    (tmp_path / "bb8deploy.toml").write_text("addon = [")
    assert refused(tmp_path).code == "PYPROJECT_INVALID"
    (tmp_path / "bb8deploy.toml").write_text('profile = "odd"')
    assert refused(tmp_path).code == "PROFILE_UNKNOWN"


@pytest.mark.parametrize("value", ['"x"', "[80]", "true", "-1", "101", "nan", "inf", "{ a = 1 }"])
def test_a_coverage_threshold_that_is_not_a_percentage_is_refused(tmp_path: Path, value: str) -> None:
    app(tmp_path / "addon")
    (tmp_path / "bb8deploy.toml").write_text(f"coverage_threshold = {value}\n")
    assert refused(tmp_path).code == "SETTING_INVALID"


def test_the_home_of_a_folder_is_its_checkout_then_its_store_then_itself(tmp_path: Path) -> None:
    app = tmp_path / "checkout" / "store" / "app"
    app.mkdir(parents=True)
    assert home_of(app) == app
    (app.parent / "repository.yaml").write_text("name: x", encoding="utf-8")
    assert home_of(app) == app.parent
    (tmp_path / "checkout" / ".git").mkdir()
    assert home_of(app) == tmp_path / "checkout"


def test_what_differs_between_apps_is_in_tables_of_their_own(tmp_path: Path) -> None:
    one, two = app(tmp_path / "one"), app(tmp_path / "two")
    text = 'tests = "tests"\ncoverage_threshold = 50\n[apps.two]\ntests = "two/tests"\nprofile = "bb8"\n'
    (tmp_path / "bb8deploy.toml").write_text(text)
    found = find_project(one)
    assert (found.root, found.tests, found.profile) == (tmp_path, tmp_path / "tests", "generic")
    found = find_project(two)
    assert (found.tests, found.profile, found.coverage_threshold) == (tmp_path / "two/tests", "bb8", 50.0)


def test_the_apps_of_a_store_are_found_from_anywhere_in_it(tmp_path: Path) -> None:
    one, two = app(tmp_path / "one"), app(tmp_path / "two")
    assert find_store(one) == []
    (tmp_path / "repository.yaml").write_text("name: store\n")
    for start in (tmp_path, one, two):
        assert [found.addon for found in find_store(start)] == [one, two]
        assert {found.root for found in find_store(start)} == {tmp_path}
