"""Answers echoes on a broker as the app's responder does, for an app too small to do so itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


@contextmanager
def answering(settings: Mapping[str, str], stamp: Path) -> Iterator[threading.Event]:
    """Until the end of the block, as the app of the `stamp`; the event is set by the first echo of a
    window."""
    asked = threading.Event()
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(settings["MQTT_USERNAME"], settings["MQTT_PASSWORD"])

    def connected(c: mqtt.Client, *_: Any) -> None:
        c.subscribe("bb8/echo/cmd", qos=1)

    def said(c: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        row = json.loads(message.payload)
        c.publish("bb8/echo/ack", json.dumps({"ts": 0, "value": row["value"], "cid": row["cid"]}), qos=1)
        if "-ready-" in row["cid"]:
            c.publish("bb8/status/identity", stamp.read_bytes(), qos=1, retain=True)
        else:
            asked.set()

    client.on_connect = connected
    client.on_message = said
    client.on_subscribe = lambda *_: ready.set()
    client.connect(settings["MQTT_HOST"], int(settings["MQTT_PORT"]))
    client.loop_start()
    try:
        assert ready.wait(60), "the broker took no subscription"
        yield asked
    finally:
        client.disconnect()
        client.loop_stop()
