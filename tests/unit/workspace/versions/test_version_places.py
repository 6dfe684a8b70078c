"""A bump edits the version and nothing else, however the files are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.workspace.versions.version_places import drop_key, edits, set_key, stamps

NEW = "2026.1.2.4"


def addon(folder: Path, config: str | bytes) -> Path:
    data = config if isinstance(config, bytes) else config.encode()
    (folder / "config.yaml").write_bytes(data)
    return folder


def bumped(folder: Path) -> dict[str, bytes]:
    made = edits(folder, NEW, day="2026-01-02", subjects=["One"])
    return {edit.path.relative_to(folder).as_posix(): edit.after for edit in made}


@pytest.mark.parametrize(
    "config",
    [
        'name: "a: b" # version: 9\nversion: "2026.1.2.3"   # kept\nslug: x\n',
        "name: a\r\nversion: '2026.1.2.3'\r\nslug: x\r\n",
        "\ufeffname: Größe 漢字 \U0001f916\nversion: 2026.1.2.3\nslug: x",
        '{"name": "a", "version": "2026.1.2.3", "slug": "x"}',
        "description: |\n  version: 2026.1.2.3\nversion: !!str 2026.1.2.3\nname: a\nslug: x\n",
        'options:\n  version: "2026.1.2.3"\n"version": "2026.1.2.3"\nname: a\nslug: x\n',
    ],
)
def test_only_the_version_of_a_config_changes(tmp_path: Path, config: str) -> None:
    before = config.encode()
    after = bumped(addon(tmp_path, config))["config.yaml"]
    place = next(s for s in stamps(tmp_path) if s.path.name == "config.yaml")
    text = config.removeprefix("\ufeff")
    assert (
        after
        == before[: len(before) - len(text.encode())]
        + (text[: place.start] + NEW + text[place.end :]).encode()
    )


def test_every_place_moves_together(tmp_path: Path) -> None:
    addon(tmp_path, 'name: a\nversion: "2026.1.2.3"\nslug: x\n')
    (tmp_path / "pyproject.toml").write_text(
        '[tool.x]\nversion = "7"\n[project] # here\nversion = "2026.1.2.3"\n[tool.y]\nversion = "8"\n'
    )
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text('"""Doc."""\n__version__: str = \'2026.1.2.3\'\n')
    (tmp_path / "Dockerfile").write_text('LABEL io.hass.version="2026.1.2.3" \\\n  other="2026.1.2.3"\n')
    (tmp_path / "VERSION").write_text("2026.1.2.3\n")
    made = bumped(tmp_path)
    assert made["pyproject.toml"].decode().count(NEW) == 1
    assert b'version = "7"' in made["pyproject.toml"]
    assert made["core/__init__.py"].decode().endswith(f"__version__: str = '{NEW}'\n")
    assert made["Dockerfile"].decode() == f'LABEL io.hass.version="{NEW}" \\\n  other="2026.1.2.3"\n'
    assert made["VERSION"] == f"{NEW}\n".encode()
    assert f"## {NEW}" in made["CHANGELOG.md"].decode()


def test_a_label_from_a_build_argument_is_not_a_stamp(tmp_path: Path) -> None:
    addon(tmp_path, 'name: a\nversion: "2026.1.2.3"\nslug: x\n')
    (tmp_path / "Dockerfile").write_text('LABEL io.hass.version="${BUILD_VERSION}"\n')
    assert [s.path.name for s in stamps(tmp_path)] == ["config.yaml"]


def test_edits_of_a_moved_addon_are_empty(tmp_path: Path) -> None:
    addon(tmp_path, f'name: a\nversion: "{NEW}"\nslug: x\n')
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {NEW}\n")
    assert edits(tmp_path, NEW, day="2026-01-02", subjects=[]) == []


def test_keys_are_set_and_dropped_without_touching_their_neighbours() -> None:
    text = "slug: x # s\n# about build\nbuild:\n  args:\n    A: b\n\n# about options\noptions: {}\n"
    assert set_key(text, "image", "r/y") == text.replace("slug: x # s\n", 'slug: x # s\nimage: "r/y"\n')
    assert set_key(set_key(text, "image", "a"), "image", "r/y") == set_key(text, "image", "r/y")
    assert drop_key(text, "build") == "slug: x # s\n# about build\n\n# about options\noptions: {}\n"
    assert drop_key(text, "image") == text
