"""The name of an instance, its ports, and where the host holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.settings.app_instance import Instance, for_instance
from bb8deploy.settings.load_settings import load


@pytest.mark.parametrize("name", ["beta", "b2", "next_one", "a" * 20])
def test_a_name_becomes_the_end_of_the_slug(name: str) -> None:
    assert Instance.parse(name).slug("lamp") == f"lamp_{name}"


@pytest.mark.parametrize("name", ["", "Beta", "_b", "b_", "a__b", "a-b", "a b", "a/b", "..", "ä", "a" * 21])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        Instance.parse(name)
    assert caught.value.code == "INSTANCE_INVALID"


@pytest.mark.parametrize(("ports", "offset"), [("", None), ("drop", None), ("+1", 1), ("+1000", 1000)])
def test_ports_are_dropped_or_moved(ports: str, offset: int | None) -> None:
    assert Instance.parse("beta", ports).offset == offset


@pytest.mark.parametrize("ports", ["1000", "+0", "-1", "+x", "keep", "+1000000"])
def test_any_other_word_about_ports_is_refused(ports: str) -> None:
    with pytest.raises(UsageError) as caught:
        Instance.parse("beta", ports)
    assert caught.value.code == "INSTANCE_INVALID"


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
