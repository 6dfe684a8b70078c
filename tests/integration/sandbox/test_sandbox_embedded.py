"""The real app on a machine without mosquitto: installed, started, connected by MQTT 3.1.1, echoing."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ha_sandbox import Sandbox

SLUG = "local_beep_boop_bb8"
ADDON = Path(__file__).parents[3] / "addon"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A host whose machine has every tool but mosquitto."""
    real = shutil.which
    monkeypatch.setattr(
        shutil,
        "which",
        lambda name, *rest, **more: None if name == "mosquitto" else real(name, *rest, **more),
    )
    with Sandbox(tmp_path / "host") as made:
        yield made


class Ears:
    """A client of the sandbox's broker that remembers the newest message of each topic."""

    def __init__(self, box: Sandbox) -> None:
        settings = box.env()
        self.newest: dict[str, bytes] = {}
        self._news = threading.Condition()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self.client.username_pw_set(settings["MQTT_USERNAME"], settings["MQTT_PASSWORD"])
        self.client.on_message = self._hear
        self.client.on_connect = self._subscribe
        self.client.connect("127.0.0.1", int(settings["MQTT_PORT"]))
        self.client.loop_start()

    def _subscribe(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe("bb8/#", qos=1)

    def _hear(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        with self._news:
            self.newest[message.topic] = bytes(message.payload)
            self._news.notify_all()

    def wait(self, topic: str) -> bytes:
        """The newest message of a topic, waited for."""
        with self._news:
            assert self._news.wait_for(lambda: topic in self.newest, 60), sorted(self.newest)
            return self.newest[topic]


@pytest.fixture
def ears(box: Sandbox) -> Iterator[Ears]:
    made = Ears(box)
    yield made
    made.client.disconnect()
    made.client.loop_stop()


def test_the_add_on_speaks_with_the_embedded_broker_and_echoes(
    box: Sandbox, ears: Ears, tmp_path: Path
) -> None:
    assert (box.broker.name, box.broker.protocol) == ("amqtt", "3.1.1")
    tree = tmp_path / "addon"
    shutil.copytree(ADDON, tree, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    box.install(tree, {"simulate": True})
    info = box.call("GET", f"/addons/{SLUG}/info")
    assert (info["state"], info["options"]["mqtt_protocol"]) == ("started", "3.1.1")
    assert ears.wait("bb8/status") == b"online"
    assert json.loads(ears.wait("bb8/status/identity"))["version"] == info["version"]
    ears.wait("bb8/echo/owner")
    ears.client.publish("bb8/echo/cmd", json.dumps({"value": "hello", "cid": "c1"}), qos=1)
    assert json.loads(ears.wait("bb8/echo/ack"))["cid"] == "c1"
    box.call("POST", f"/addons/{SLUG}/stop")
    with ears._news:
        assert ears._news.wait_for(lambda: ears.newest["bb8/status"] == b"offline", 60)
