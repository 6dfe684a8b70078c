"""The folder and the slug of an app come from its config file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from ha_sandbox import LocalApp


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", "name: X\nslug: my_app\n"),
        ("config.yml", "slug: 'my_app'\n"),
        ("config.json", '{"slug": "my_app"}'),
    ],
)
def test_an_app_is_read_from_any_of_the_three_config_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    app = LocalApp.read(tmp_path)
    assert (app.folder, app.slug) == ("my_app", "local_my_app")


@pytest.mark.parametrize("text", [None, "name: X\n", "slug: 3\n", "slug: a/b\n", "[1, 2]\n", "slug: [\n"])
def test_a_folder_without_a_slug_is_not_an_app(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        LocalApp.read(tmp_path)
    assert caught.value.code == "SANDBOX_NO_APP"


def test_a_config_that_only_the_supervisors_yaml_loader_accepts_is_read(tmp_path: Path) -> None:
    """PyYAML's loader in Python refuses a `?` before `}`; the Supervisor uses the one in C."""
    (tmp_path / "config.yaml").write_text("slug: my_app\nschema: {password: password?}\n")
    assert LocalApp.read(tmp_path).folder == "my_app"
