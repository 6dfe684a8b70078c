"""Both brokers of the sandbox: login, echo, last will of a client that fell silent."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from ha_sandbox.http_server import free_port
from ha_sandbox.mqtt import choose_broker
from ha_sandbox.mqtt.choose_broker import Broker, open_broker
from ha_sandbox.mqtt.embedded_broker import patience

MANY = 200


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Broker]:
    if (
        request.param == "mosquitto"
        and shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None
    ):
        pytest.skip("SKIPPED: mosquitto is not installed")
    if request.param == "embedded":
        monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    made = open_broker(tmp_path, "sandbox", "secret")
    yield made
    made.stop()


def client(broker: Broker, password: str) -> tuple[mqtt.Client, list[Any], threading.Event]:
    made = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    made.username_pw_set("sandbox", password)
    made.max_inflight_messages_set(MANY)
    codes: list[Any] = []
    answered = threading.Event()

    def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        codes.append(code)
        answered.set()

    made.on_connect = on_connect
    made.connect("127.0.0.1", broker.port, keepalive=30)
    made.loop_start()
    assert answered.wait(60)
    return made, codes, answered


def test_the_right_password_gets_an_echo_and_a_wrong_one_is_refused(broker: Broker) -> None:
    made, codes, _ = client(broker, "secret")
    assert not codes[0].is_failure
    heard = threading.Event()
    made.on_message = lambda *_: heard.set()
    subscribed = threading.Event()
    made.on_subscribe = lambda *_: subscribed.set()
    made.subscribe("a/b", qos=1)
    assert subscribed.wait(60)
    made.publish("a/b", b"x", qos=1)
    assert heard.wait(60)
    made.disconnect()
    made.loop_stop()
    wrong, codes, _ = client(broker, "guess")
    assert codes[0].is_failure
    wrong.disconnect()
    wrong.loop_stop()


def test_what_it_acknowledged_is_delivered_though_the_sender_has_left(broker: Broker) -> None:
    hearer, sender = client(broker, "secret")[0], client(broker, "secret")[0]
    heard: list[int] = []
    subscribed, whole = threading.Event(), threading.Event()

    def hear(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        heard.append(int(message.payload))
        if len(heard) == MANY:
            whole.set()

    hearer.on_message = hear
    hearer.on_subscribe = lambda *_: subscribed.set()
    hearer.subscribe("many", qos=1)
    assert subscribed.wait(60)
    last = [sender.publish("many", str(number), qos=1) for number in range(MANY)][-1]
    last.wait_for_publish(60)
    assert last.is_published()
    sender.disconnect()
    sender.loop_stop()
    assert whole.wait(60), f"{len(heard)} of {MANY}"
    assert heard == list(range(MANY))
    hearer.disconnect()
    hearer.loop_stop()


def test_another_broker_on_its_port_is_not_taken_for_it(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([broker.port])
    monkeypatch.setattr(choose_broker, "free_port", lambda: next(ports, 0) or free_port())
    second = open_broker(tmp_path / "second", "sandbox", "secret")
    assert second.port != broker.port
    second.stop()
    client(broker, "secret")[0].disconnect()


def test_a_client_is_served_though_others_subscribe_while_it_connects(broker: Broker) -> None:
    busy = client(broker, "secret")[0]
    for number in range(40):
        busy.publish(f"kept/{number}", b"x", qos=1, retain=True).wait_for_publish(30)
    stop = threading.Event()

    def subscribe() -> None:
        number = 0
        while not stop.wait(0.001):
            busy.subscribe(f"kept/{(number := number + 1)}/#", qos=0)

    thread = threading.Thread(target=subscribe)
    thread.start()
    for _ in range(10):
        served = threading.Event()
        made = client(broker, "secret")[0]
        made.on_subscribe = lambda *_, served=served: served.set()
        made.subscribe("kept/#")
        assert served.wait(30)
        made.disconnect()
        made.loop_stop()
    stop.set()
    thread.join()
    busy.disconnect()
    busy.loop_stop()


@pytest.mark.parametrize(("keepalive", "seconds"), [(0, 0), (1, 2), (30, 45), (7, 11)])
def test_a_client_may_be_silent_for_one_and_a_half_times_its_keepalive(keepalive: int, seconds: int) -> None:
    assert patience(keepalive) == seconds


def test_it_ends_at_once_though_clients_are_connected(broker: Broker) -> None:
    clients = [client(broker, "secret")[0] for _ in range(3)]
    broker.stop()
    broker.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", broker.port), timeout=5)
    for one in clients:
        one.disconnect()
        one.loop_stop()


def test_its_password_is_in_no_list_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda argv, **how: started.append(argv) or popen(argv, **how))
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    open_broker(tmp_path, "sandbox", "a long secret").stop()
    assert len(started) == 1
    assert "a long secret" not in " ".join(started[0])
