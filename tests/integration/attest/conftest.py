"""A real broker, a workspace, and answerers of every kind: the real responder, a slow one, a double one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.desk import Desk, isolate_git, make_desk

from bb8deploy.lanes.attest import attest as lane
from bb8deploy.plan import echo_verdict as plan
from ha_sandbox.mqtt.choose_broker import Broker, open_broker

USER, PASSWORD = "attestor", "correct horse battery"
ADDON = Path(__file__).parents[3] / "addon"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    isolate_git(tmp_path, monkeypatch)
    return make_desk(tmp_path)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = open_broker(tmp_path / "broker", USER, PASSWORD)
    yield made
    made.stop()


@pytest.fixture
def settings(broker: Broker) -> dict[str, str]:
    return {
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
        "MQTT_USERNAME": USER,
        "MQTT_PASSWORD": PASSWORD,
    }


@pytest.fixture
def answerer(broker: Broker) -> Iterator[Callable[..., paho.Client]]:
    """Starts a client that treats each echo command with the given function."""
    clients: list[paho.Client] = []

    def start(treat: Callable[[paho.Client, dict[str, Any]], None], **retained: object) -> paho.Client:
        client, ready = paho.Client(CallbackAPIVersion.VERSION2), threading.Event()
        client.username_pw_set(USER, PASSWORD)
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = lambda c, _u, m: treat(c, json.loads(m.payload))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        clients.append(client)
        for topic, payload in retained.items():
            client.publish(topic.replace("__", "/"), json.dumps(payload), qos=1, retain=True)
        client.subscribe("bb8/echo/cmd", 1)
        assert ready.wait(20)
        return client

    yield start
    for client in clients:
        client.disconnect()
        client.loop_stop()


def answer(client: paho.Client, body: dict[str, Any]) -> None:
    client.publish("bb8/echo/ack", json.dumps({"ts": "t", **body}), qos=1)


@pytest.fixture
def strict() -> None:
    """The limits of the product count in this test."""


@pytest.fixture(autouse=True)
def patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Round trips may take long: a busy machine is not what these tests are about."""
    if "strict" in request.fixturenames:
        return
    monkeypatch.setattr(plan, "MAX_P95_MS", 60_000.0)
    monkeypatch.setattr(lane, "LAST_ECHO_GRACE", 60.0)


PATIENT = """
import sys
from bb8deploy.__main__ import main
from bb8deploy.plan import echo_verdict
echo_verdict.MAX_P95_MS = 60_000.0
sys.argv[0] = "bb8deploy"
main()
"""
"""The same for a process of its own: `python -c PATIENT attest ...`."""


@pytest.fixture
def real_responder(tmp_path: Path, broker: Broker) -> Iterator[None]:
    """The app's own echo responder as its service starts it."""
    options = {
        "mqtt_host": "127.0.0.1",
        "mqtt_port": broker.port,
        "mqtt_username": USER,
        "mqtt_password": PASSWORD,
        "mqtt_protocol": broker.protocol,
    }
    (tmp_path / "options.json").write_text(json.dumps(options))
    log = tmp_path / "responder.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bb8_core.echo_responder"],
            env={**os.environ, "PYTHONPATH": str(ADDON), "BB8_OPTIONS": str(tmp_path / "options.json")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield
    print(f"the responder's end: {process.poll()}, its log:\n{log.read_text()}")
    print(f"the broker's log:\n{(tmp_path / 'broker' / 'broker.log').read_text()}")
    process.terminate()
    process.wait(20)


def eventually(fact: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not fact() and time.monotonic() < end:
        time.sleep(0.02)
    return fact()
