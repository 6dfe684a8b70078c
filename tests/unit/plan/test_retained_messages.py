"""Which retained messages are an app's."""

from __future__ import annotations

import json

import pytest

from bb8deploy.plan.retained_messages import of_app


def own(topic: str, payload: object) -> bool:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return of_app({topic: data}, "lamp", "homeassistant") == (topic,)


@pytest.mark.parametrize("topic", ["lamp/status", "lamp/state/x"])
def test_a_message_below_the_base_topic_is_the_apps(topic: str) -> None:
    assert own(topic, b"online")


@pytest.mark.parametrize("topic", ["lamp2/status", "lamp", "other/lamp/status"])
def test_a_message_elsewhere_is_not(topic: str) -> None:
    assert not own(topic, b"online")


@pytest.mark.parametrize(
    "payload",
    [
        {"state_topic": "lamp/state", "availability": [{"topic": "lamp/status"}]},
        {"~": "lamp", "stat_t": "~/state", "cmd_t": "~/set"},
        {"cmps": {"a": {"state_topic": "lamp/a"}, "b": {"command_topic": "lamp/cmd/b"}}},
    ],
)
def test_a_discovery_message_is_the_apps_if_all_its_topics_are(payload: object) -> None:
    assert own("homeassistant/device/x/config", payload)


@pytest.mark.parametrize(
    "payload",
    [
        {"state_topic": "lamp/state", "availability_topic": "hub/status"},
        {"state_topic": "hub/state"},
        {"name": "lamp/state"},
        {},
        b"not json",
        b"[" * 100_000,
    ],
)
def test_a_discovery_message_of_another_app_is_not(payload: object) -> None:
    assert not own("homeassistant/sensor/x/config", payload)


def test_only_config_topics_are_discovery_messages() -> None:
    assert not own("homeassistant/status", {"state_topic": "lamp/state"})


@pytest.mark.parametrize("base", ["homeassistant", "home"])
def test_a_base_topic_above_the_discovery_prefix_owns_nothing(base: str) -> None:
    lamp = json.dumps({"state_topic": f"{base}/lamp/state"}).encode()
    messages = {f"{base}/lamp/state": b"on", f"{base}/assistant/light/x/config": lamp}
    assert of_app(messages, base, "homeassistant" if base == "homeassistant" else f"{base}/assistant") == ()
