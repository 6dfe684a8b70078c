"""HA_REMOTE_RUNTIME must be the absolute path of a folder that can be an app's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.open_host import runtime_folder
from bb8deploy.settings.load_settings import load


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("/", "RUNTIME_PATH_INVALID"),
        ("/addons/..", "RUNTIME_PATH_INVALID"),
        ("/addons/.bb8deploy", "RUNTIME_PATH_INVALID"),
        ("/addons/.bb8deploy/my_app", "RUNTIME_PATH_INVALID"),
        ("", "SETTING_MISSING"),
    ],
)
def test_a_path_that_cannot_be_an_app_folder_is_refused_as_it_was_given(
    tmp_path: Path, value: str, code: str
) -> None:
    (tmp_path / ".env").write_text(f"HA_REMOTE_RUNTIME={value}\n")
    with pytest.raises(UsageError) as caught:
        runtime_folder(load(tmp_path))
    assert caught.value.code == code
    assert value in caught.value.cause


def test_a_mounted_folder_among_the_earlier_trees_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".bb8deploy" / "my_app" / "previous").mkdir(parents=True)
    settings = load(tmp_path, environ={})
    with pytest.raises(UsageError) as caught:
        MountFiles.open(tmp_path / ".bb8deploy" / "my_app", settings)
    assert caught.value.code == "RUNTIME_PATH_INVALID"
    assert "HA_MOUNT" in caught.value.remedy
