"""Which settings belong into the file that everybody shares."""

from __future__ import annotations

import tomllib

import pytest

from bb8deploy.lanes.init.app_repository import shared, shared_text


@pytest.mark.parametrize(
    "remote",
    [
        "origin",
        "https://github.com/ann/lamps",
        "git@github.com:ann/lamps.git",
        "ssh://git@example.org/lamps.git",
    ],
)
def test_a_remote_that_everybody_can_name_is_shared(remote: str) -> None:
    assert shared({"HA_PUBLISH_REMOTE": remote, "HA_URL": "http://ha"}) == {"HA_PUBLISH_REMOTE": remote}


@pytest.mark.parametrize(
    "remote",
    [
        "/home/ann/lamps.git",
        "../lamps.git",
        "~/lamps.git",
        "file:///home/ann/lamps.git",
        "https://ann:secret@github.com/ann/lamps",
        "https://ghp_secret@github.com/ann/lamps",
        "ssh://ann:secret@example.org/lamps.git",
        "https://[::1",
        'a"b',
        "a\nb",
    ],
)
def test_a_place_of_one_machine_or_a_login_is_not(remote: str) -> None:
    assert shared({"HA_PUBLISH_REMOTE": remote}) == {}


def test_secrets_and_addresses_of_hosts_are_never_shared() -> None:
    assert (
        shared({"HA_LLAT": "token", "MQTT_PASSWORD": "x", "HA_SSH_HOST_ALIAS": "ha", "HA_MOUNT": "m"}) == {}
    )


def test_the_file_is_toml_with_the_names_of_the_project() -> None:
    text = shared_text({"BB8_LAYOUT": "store", "HA_PUBLISH_REMOTE": "origin"})
    assert tomllib.loads(text) == {"layout": "store", "publish_remote": "origin"}
    assert all(line.startswith("#") for line in text.splitlines() if line and "=" not in line)
