"""Settings that a repository shares: which file wins, what it may not hold, and `{slug}` for several apps."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.settings import settings_table
from bb8deploy.settings.load_settings import load, with_answer
from bb8deploy.settings.project_file import near_name
from bb8deploy.settings.settings_table import KEYS
from bb8deploy.settings.settings_type import Settings


def read(folder: Path, text: str, python: str = "", env: str = "", slug: str = "") -> Settings:
    """The settings of a folder with bb8deploy.toml, a table in pyproject.toml, and `.env`."""
    (folder / "bb8deploy.toml").write_text(text)
    (folder / "pyproject.toml").write_text(f"[tool.bb8deploy]\n{python}")
    (folder / ".env").write_text(env)
    return load(folder, environ={}, slug=lambda: slug)


def test_the_own_file_comes_before_pyproject_and_env_before_both(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        'publish_remote = "origin"\nlayout = "store"\n',
        'publish_remote = "other"\npublish_branch = "stable"\nlayout = "subtree"\n',
        "BB8_LAYOUT=auto\n",
    )
    assert (settings.ha_publish_remote, settings.ha_publish_branch) == ("origin", "stable")
    assert settings.bb8_layout == "auto"
    origins = [
        settings.origin_of(key)
        for key in (settings_table.HA_PUBLISH_REMOTE, settings_table.HA_PUBLISH_BRANCH)
    ]
    assert [*origins, settings.origin_of(settings_table.BB8_LAYOUT)] == [
        "bb8deploy.toml",
        "pyproject.toml",
        ".env",
    ]


def test_no_secret_and_nothing_of_one_machine_has_a_name_there() -> None:
    shared = {key.name for key in KEYS if key.project}
    assert shared == {
        "HA_PUBLISH_REMOTE", "HA_PUBLISH_BRANCH", "HA_IMAGE", "HA_IMAGE_CACHE",
        "BB8_VERIFY", "BB8_LAYOUT", "BB8_TAG",
    }  # fmt: skip
    assert not [key.name for key in KEYS if key.project and key.secret]


@pytest.mark.parametrize("text", ["layout = true\n", "tag = 1\n", 'layout = "flat"\n'])
def test_a_value_that_does_not_fit_is_named_with_its_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.code == "SETTING_INVALID"
    assert "bb8deploy.toml" in caught.value.cause


def test_a_name_that_is_not_known_is_reported_with_the_nearest_one(tmp_path: Path) -> None:
    settings = read(tmp_path, 'publish_remot = "origin"\naddon = "a"\n[validate]\n', 'profil = "bb8"\n')
    assert set(settings.unknown) == {("publish_remot", "bb8deploy.toml"), ("profil", "pyproject.toml")}
    assert (near_name("publish_remot"), near_name("xyz")) == ("publish_remote", "")


def test_the_slug_makes_one_setting_fit_each_app(tmp_path: Path) -> None:
    text = 'image = "ghcr.io/me/{slug}"\ntag = "{slug}-{version}"\n'
    settings = read(tmp_path, text, env="HA_REMOTE_RUNTIME=/addons/{slug}\n", slug="my_app")
    assert (settings.ha_image, settings.ha_remote_runtime) == ("ghcr.io/me/my_app", "/addons/my_app")
    assert settings.bb8_tag == "{slug}-{version}"
    assert settings.text_of(settings_table.HA_REMOTE_RUNTIME) == "/addons/{slug}"
    assert with_answer(settings, settings_table.HA_MOUNT, "/mnt/{slug}").ha_mount == Path("/mnt/my_app")


def test_the_slug_is_not_asked_for_if_no_setting_needs_it(tmp_path: Path) -> None:
    def never() -> str:
        raise AssertionError("asked")

    assert load(tmp_path, environ={"BB8_TAG": "v{version}"}, slug=never).bb8_tag == "v{version}"
