"""The typed settings: one attribute per key, of the key's kind, each with a use."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path

import pytest

from bb8deploy.base.secret import Secret
from bb8deploy.settings.load_settings import load, with_answer
from bb8deploy.settings.settings_table import HA_PUBLISH_REMOTE, KEYS, Key
from bb8deploy.settings.settings_type import MqttSettings, Settings, SshSettings

SOURCE = Path(__file__).parents[3] / "src" / "bb8deploy"
GROUPS = {"HA_SSH_": ("ssh", SshSettings), "MQTT_": ("mqtt", MqttSettings)}
OWN = {"target", "slug", "values", "unknown", "instance"}
KINDS: dict[str, set[object]] = {
    "float": {float},
    "port": {int},
    "count": {int},
    "bool": {bool},
    "path": {Path | None},
    "text": {str, str | None},
}


def attribute(key: Key) -> tuple[str, str]:
    """The attribute of a key: its group, empty without one, and its name."""
    for prefix, (group, _) in GROUPS.items():
        if key.name.startswith(prefix):
            return group, key.name.removeprefix(prefix).lower()
    return "", key.name.lower()


def declared() -> dict[tuple[str, str], object]:
    """Every typed attribute with its type."""
    found: dict[tuple[str, str], object] = {
        ("", name): hint for name, hint in typing.get_type_hints(Settings).items()
    }
    for group, model in GROUPS.values():
        del found["", group]
        found |= {(group, name): hint for name, hint in typing.get_type_hints(model).items()}
    return {place: hint for place, hint in found.items() if place[1] not in OWN}


def sources() -> dict[str, str]:
    """The text of every module except those of the settings themselves and the sample app."""
    found = {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
    return {
        name: text for name, text in found.items() if not name.startswith(("settings/", "lanes/demo/sample/"))
    }


def test_every_key_has_one_attribute_named_like_it() -> None:
    assert set(declared()) == {attribute(key) for key in KEYS}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_an_attribute_has_the_type_of_its_kind(key: Key) -> None:
    hint = declared()[attribute(key)]
    assert hint in ({Secret | None} if key.secret else KINDS[key.kind])
    assert (hint is str) == (key.kind == "text" and bool(key.default))


def test_a_misspelt_attribute_does_not_exist(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={})
    with pytest.raises(AttributeError):
        settings.ha_urll  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.ha_url = "http://ha"  # type: ignore[misc]


def test_an_answer_replaces_a_value_and_is_its_origin(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HA_PUBLISH_REMOTE=old\n")
    settings = with_answer(load(tmp_path, environ={}), HA_PUBLISH_REMOTE, "new")
    assert (settings.ha_publish_remote, settings.origin_of(HA_PUBLISH_REMOTE)) == ("new", "answer")


def test_every_setting_is_used() -> None:
    texts = "".join(sources().values())
    places = {key.name: ".".join(filter(None, attribute(key))) for key in KEYS}
    assert [name for name, place in places.items() if not re.search(rf"\.{re.escape(place)}\b", texts)] == []


def test_only_the_loader_reads_a_setting_from_the_environment() -> None:
    names = "|".join(name for key in KEYS for name in (key.name, *key.aliases))
    reads = re.compile(rf'(environ(\.get\(|\[)|getenv\()\s*"({names})"')
    assert [name for name, text in sources().items() if reads.search(text)] == []
