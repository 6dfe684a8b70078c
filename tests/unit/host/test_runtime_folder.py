"""HA_REMOTE_RUNTIME must be the absolute path of a folder that can be an app's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.host.open_host import runtime_folder
from bb8deploy.settings.load_settings import load


@pytest.mark.parametrize(
    ("value", "code"),
    [("/", "RUNTIME_PATH_INVALID"), ("/addons/..", "RUNTIME_PATH_INVALID"), ("", "SETTING_MISSING")],
)
def test_a_path_that_cannot_be_an_app_folder_is_refused_as_it_was_given(
    tmp_path: Path, value: str, code: str
) -> None:
    (tmp_path / ".env").write_text(f"HA_REMOTE_RUNTIME={value}\n")
    with pytest.raises(UsageError) as caught:
        runtime_folder(load(tmp_path))
    assert caught.value.code == code
    assert value in caught.value.cause
