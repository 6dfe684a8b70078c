"""Where cached things go: a folder of the user's own, or the one that BB8DEPLOY_CACHE names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.cache_folder import cache_dir, cache_errors
from bb8deploy.base.errors import UsageError


def test_the_named_folder_is_made_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BB8DEPLOY_CACHE", str(tmp_path / "cache"))
    folder = cache_dir("venvs", "x")
    assert folder == tmp_path / "cache" / "venvs" / "x"
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache_dir("venvs", "x") == folder


def test_without_a_name_it_is_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BB8DEPLOY_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = cache_dir("layers")
    assert folder.is_relative_to(tmp_path)
    assert folder.parts[-2:] == ("bb8deploy", "layers")


def test_a_file_in_the_way_is_one_error_that_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("")
    monkeypatch.setenv("BB8DEPLOY_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UsageError) as caught:
        cache_dir("venvs")
    assert (caught.value.code, caught.value.exit_code) == ("CACHE_UNWRITABLE", 2)
    assert str(tmp_path / "cache" / "venvs") in caught.value.cause
    assert "BB8DEPLOY_CACHE" in caught.value.remedy


def test_a_folder_that_exists_and_cannot_be_written_is_the_same_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BB8DEPLOY_CACHE", str(tmp_path))
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    with pytest.raises(UsageError, match="no permission to write there"):
        cache_dir()


def test_a_full_disk_is_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No space left on device"), cache_errors(tmp_path):
        raise OSError(28, "No space left on device")
