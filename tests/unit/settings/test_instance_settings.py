"""Where the host holds an instance of an app."""

from __future__ import annotations

from pathlib import Path

from bb8deploy.settings.app_instance import Instance
from bb8deploy.settings.instance_settings import for_instance
from bb8deploy.settings.load_settings import load


def test_the_instance_has_a_folder_a_mount_and_a_slug_beside_the_app(tmp_path: Path) -> None:
    flags = {"HA_REMOTE_RUNTIME": "/addons/my_lamp/", "HA_MOUNT": "/mnt/addons/my_lamp"}
    beta = Instance.parse("beta")
    settings = for_instance(load(tmp_path, environ={}, flags=flags), beta, "lamp")
    assert settings.ha_remote_runtime == "/addons/my_lamp_beta"
    assert settings.ha_mount == Path("/mnt/addons/my_lamp_beta")
    assert settings.ha_remote_slug == "local_lamp_beta"
    assert (settings.instance, settings.destination) == (beta, "default as beta")


def test_a_slug_of_the_settings_gets_the_ending_too(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={}, flags={"HA_REMOTE_SLUG": "local_other"})
    assert for_instance(settings, Instance("beta"), "lamp").ha_remote_slug == "local_other_beta"
    assert for_instance(settings, None, "lamp") is settings
