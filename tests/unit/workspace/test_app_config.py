"""Reading an app's config: what it gives and which mistakes it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace.app_config import read_addon


def test_the_config_gives_name_version_slug_and_architectures(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        'name: Größe\nversion: "1.2.3"\nslug: b_8\narch: [amd64, aarch64]\n'
    )
    info = read_addon(tmp_path)
    assert (info.name, info.version, info.slug, info.arch) == ("Größe", "1.2.3", "b_8", ("amd64", "aarch64"))
    assert info.supervisor_slug == "local_b_8"
    assert info.image == ""


def test_a_json_config_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"name": "a", "version": "1.0.0", "slug": "s"}')
    assert read_addon(tmp_path).config.name == "config.json"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (None, "ADDON_CONFIG_MISSING", "no config.yaml"),
        (b"name: \xff", "ADDON_CONFIG_UNREADABLE", "byte 6 is not UTF-8"),
        (b"name: a\n b: c: d\n", "ADDON_CONFIG_UNREADABLE", "line 2"),
        (b"- a\n", "ADDON_CONFIG_UNREADABLE", "no mapping"),
        (b"name: a\nversion: 2025.10\nslug: s\n", "ADDON_CONFIG_INVALID", "number 2025.1"),
        (b"name: a\nslug: s\n", "ADDON_CONFIG_INVALID", "`version`"),
        (b"name: a\nversion: '1.0.0'\nslug: Upper\n", "ADDON_CONFIG_INVALID", "`Upper`"),
    ],
)
def test_a_broken_config_is_named(tmp_path: Path, data: bytes | None, code: str, words: str) -> None:
    if data is not None:
        (tmp_path / "config.yaml").write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_addon(tmp_path)
    assert caught.value.code == code
    assert words in caught.value.cause
