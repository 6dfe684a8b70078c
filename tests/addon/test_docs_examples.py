"""The YAML examples in DOCS.md name entities, options and steps that this app really has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bb8_core.app_options import Options, parse_options
from bb8_core.mqtt.discovery_message import About, Robot, components
from bb8_core.mqtt.topics import Topics
from bb8_core.requests.payload_parsing import parse, parse_object
from bb8_core.robot.gesture_steps import GESTURES
from bb8_core.routines.scene_reader import read_scene

yaml = pytest.importorskip("yaml", reason="SKIPPED: PyYAML is not installed")

DOCS = (Path(__file__).parents[2] / "addon" / "DOCS.md").read_text()
OPTIONS = Options()
TOPICS = Topics(OPTIONS.base_topic, OPTIONS.discovery_prefix)


class Tagged(yaml.SafeLoader):  # type: ignore[misc]
    """Reads `!input x` and `!secret x` as the tag and the name."""


for tag in ("!input", "!secret"):
    Tagged.add_constructor(tag, lambda loader, node: (node.tag, loader.construct_scalar(node)))


def examples() -> list[Any]:
    return [yaml.load(text, Tagged) for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)]


def holding(key: str) -> list[Any]:
    """The examples with this key at the top."""
    return [each for each in examples() if key in each]


def entities() -> dict[str, dict[str, Any]]:
    """What Home Assistant creates, disabled entities left out, by entity id."""
    about = About("1", tuple(GESTURES), OPTIONS.speed_cap, OPTIONS.duration_cap_ms, OPTIONS.collision_events)
    found = components(Robot("C9:00:00:00:B5:4A", "BB-B54A"), TOPICS, about)
    return {
        component["default_entity_id"]: component
        for component in found.values()
        if "default_entity_id" in component and component.get("enabled_by_default", True)
    }


def named(value: Any) -> Iterator[str]:
    """Every entity id within an example."""
    if isinstance(value, dict):
        for each in value.values():
            yield from named(each)
    elif isinstance(value, list):
        for each in value:
            yield from named(each)
    elif isinstance(value, str) and re.fullmatch(r"[a-z_]+\.bb8_\w+", value):
        yield value


def inputs(value: Any) -> Iterator[str]:
    """Every input that a blueprint uses."""
    if isinstance(value, tuple):
        yield value[1]
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from inputs(each)


def test_the_dashboard_and_the_actions_name_entities_that_discovery_creates() -> None:
    found = set(named(examples()))
    assert len(found) > 20
    assert found - set(entities()) == set()


def test_each_card_of_the_dashboard_fits_its_entity() -> None:
    (view,) = holding("sections")
    cards = [card for section in view["sections"] for card in section["cards"] if "entity" in card]
    assert cards
    for card in cards:
        entity = entities()[card["entity"]]
        action = card.get("tap_action", {}).get("perform_action", f"{entity['platform']}.")
        assert action.startswith(f"{entity['platform']}.")
        # What a button shows is when it was last pressed.
        assert card.get("hide_state", False) is (entity["platform"] == "button")
        if {"type": "light-brightness"} in card.get("features", []):
            assert entity["brightness"]


@pytest.mark.parametrize("blueprint", holding("blueprint"), ids=lambda each: str(each["blueprint"]["name"]))
def test_a_blueprint_uses_what_it_asks_for_and_each_question_has_an_answer(blueprint: Any) -> None:
    asked = blueprint["blueprint"]["input"]
    assert set(inputs(blueprint)) == set(asked)
    for question in asked.values():
        entity = question["selector"].get("entity") or {}
        for wanted in entity.get("filter", []):
            fitting = [
                name
                for name, each in entities().items()
                if name.startswith(f"{wanted['domain']}.")
                and each.get("device_class") == wanted.get("device_class", each.get("device_class"))
            ]
            assert len(fitting) == 1, f"{question['name']}: {fitting}"


def test_the_options_the_scene_and_the_mqtt_command_are_valid() -> None:
    (proxies,) = holding("proxies")
    assert parse_options(proxies).problems == ()
    (scene,) = re.findall(r"```yaml\n(steps:\n.*?)```", DOCS, re.DOTALL)
    assert read_scene("example", scene)
    published = [each["data"] for each in holding("action") if each["action"] == "mqtt.publish"]
    assert published
    for data in published:
        cmd = TOPICS.command_of(data["topic"])
        assert cmd is not None
        assert parse(cmd, parse_object(data["payload"].encode()))


def test_the_esphome_example_names_the_keys_that_a_proxy_needs() -> None:
    (node,) = holding("bluetooth_proxy")
    assert node["bluetooth_proxy"]["active"] is True
    assert node["esp32_ble_tracker"]["scan_parameters"]["active"] is True
    assert node["api"]["reboot_timeout"] == "0s"
