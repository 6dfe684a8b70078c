"""The broker connection against a real mosquitto: last will, healing, no delay, TLS and login refusals."""

from __future__ import annotations

import gc
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.addon.conftest import Mosquitto, free_port

from bb8_core.mqtt import broker_client as module
from bb8_core.mqtt.broker_client import Handlers, Message, MqttClient, Will
from bb8_core.mqtt.broker_credentials import Broker

pytestmark = pytest.mark.needs_mosquitto
PATIENCE_S = 60.0


class Watcher:
    """An independent client that records what it hears."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: queue.Queue[tuple[str, str, bool]] = queue.Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._subscribed = threading.Event()
        self.client.on_connect = lambda c, *_: c.subscribe(topic, 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _c, _u, m: self.heard.put((m.topic, m.payload.decode(), m.retain))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def wait_for(self, topic: str, payload: str) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        while (left := deadline - time.monotonic()) > 0:
            got = self.heard.get(timeout=left)
            if got[:2] == (topic, payload):
                return got[2]
        raise AssertionError(f"{topic} {payload} was not heard")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Side:
    """One client under test with its callbacks made waitable."""

    def __init__(self, broker: Broker, base: str) -> None:
        self.up = threading.Event()
        self.downs: queue.Queue[str] = queue.Queue()
        self.messages: queue.Queue[Message] = queue.Queue()
        handlers = Handlers(self.up.set, self.downs.put, self.messages.put)
        self.client = MqttClient(
            broker, f"test-{base}", Will(f"{base}/status", "offline"), (f"{base}/cmd/#",), handlers
        )
        self.client.start()


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Side]]:
    """Makes clients that try again after 0.05 to 0.2 s instead of 1 to 5."""
    monkeypatch.setattr(module, "RETRY_FIRST_S", 0.05)
    monkeypatch.setattr(module, "RETRY_LONGEST_S", 0.2)
    made: list[Side] = []

    def make(port: int, base: str, host: str = "127.0.0.1", **extra: Any) -> Side:
        made.append(Side(Broker(host, port, **extra), base))
        return made[-1]

    yield make
    for side in made:
        side.client.flush_and_stop("unused", "bye", 1.0)
        side.client._client.loop_stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_it_connects_subscribes_and_hears_commands(
    shared_broker: Mosquitto, sides: Callable[..., Side], protocol: str
) -> None:
    base = f"hear{protocol.replace('.', '')}"
    side = sides(shared_broker.port, base, protocol=protocol)
    assert side.up.wait(PATIENCE_S)
    watcher = Watcher(shared_broker.port, f"{base}/#")
    watcher.client.publish(f"{base}/cmd/stop", "{}", qos=1)
    assert side.messages.get(timeout=PATIENCE_S) == Message(f"{base}/cmd/stop", b"{}")
    assert side.client.publish(f"{base}/ack/stop", "{}", 1)
    assert watcher.wait_for(f"{base}/ack/stop", "{}") is False
    watcher.close()


@pytest.mark.parametrize(("protocol", "stored", "live"), [("5", False, True), ("3.1.1", True, False)])
def test_stored_commands_are_not_requested_where_the_protocol_allows_it(
    shared_broker: Mosquitto, sides: Callable[..., Side], protocol: str, stored: bool, live: bool
) -> None:
    """MQTT 5 leaves them out and marks live ones; 3.1.1 sends and marks them, and marks no live ones."""
    base = f"retained{protocol.replace('.', '')}"
    watcher = Watcher(shared_broker.port, f"{base}/#")
    watcher.client.publish(f"{base}/cmd/drive", "old", qos=1, retain=True)
    watcher.wait_for(f"{base}/cmd/drive", "old")
    side = sides(shared_broker.port, base, protocol=protocol)
    assert side.up.wait(PATIENCE_S)
    watcher.client.publish(f"{base}/cmd/estop", "new", qos=1, retain=True)
    if stored:
        assert side.messages.get(timeout=PATIENCE_S) == Message(f"{base}/cmd/drive", b"old", True)
    assert side.messages.get(timeout=PATIENCE_S) == Message(f"{base}/cmd/estop", b"new", live)
    for cmd in ("drive", "estop"):
        watcher.client.publish(f"{base}/cmd/{cmd}", "", qos=1, retain=True).wait_for_publish(PATIENCE_S)
    watcher.close()


def test_the_rest_of_a_messages_expiry_is_handed_on(
    shared_broker: Mosquitto, sides: Callable[..., Side]
) -> None:
    side = sides(shared_broker.port, "expiry")
    assert side.up.wait(PATIENCE_S)
    sender = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    sender.connect("127.0.0.1", shared_broker.port)
    sender.loop_start()
    properties = Properties(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = 30
    sender.publish("expiry/cmd/drive", "{}", qos=1, properties=properties)
    assert side.messages.get(timeout=PATIENCE_S).expiry_s in {29, 30}
    sender.disconnect()
    sender.loop_stop()


def test_nagle_is_off_on_the_socket(shared_broker: Mosquitto, sides: Callable[..., Side]) -> None:
    side = sides(shared_broker.port, "nodelay")
    assert side.up.wait(PATIENCE_S)
    sock = side.client._client.socket()
    assert sock is not None
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_the_broker_reports_offline_when_the_line_is_cut(
    shared_broker: Mosquitto, sides: Callable[..., Side]
) -> None:
    side = sides(shared_broker.port, "will")
    assert side.up.wait(PATIENCE_S)
    watcher = Watcher(shared_broker.port, "will/#")
    sock = side.client._client.socket()
    assert sock is not None
    sock.shutdown(socket.SHUT_RDWR)
    watcher.wait_for("will/status", "offline")
    assert "ended" in side.downs.get(timeout=PATIENCE_S)
    watcher.close()


def test_a_clean_end_reports_its_last_word_itself_and_is_not_a_warning(
    shared_broker: Mosquitto, sides: Callable[..., Side], caplog: pytest.LogCaptureFixture
) -> None:
    side = sides(shared_broker.port, "clean")
    assert side.up.wait(PATIENCE_S)
    watcher = Watcher(shared_broker.port, "clean/#")
    with caplog.at_level("INFO", "bb8"):
        side.client.flush_and_stop("clean/status", "offline", 5.0)
    watcher.wait_for("clean/status", "offline")
    watcher.close()
    assert side.downs.empty()
    assert [(record.levelname, record.message) for record in caplog.records] == [("INFO", "left the broker")]


def test_a_last_word_that_the_broker_does_not_take_is_left_to_the_will(
    shared_broker: Mosquitto, sides: Callable[..., Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    side = sides(shared_broker.port, "unsaid")
    assert side.up.wait(PATIENCE_S)
    watcher = Watcher(shared_broker.port, "unsaid/#")
    refused = paho.MQTTMessageInfo(1)
    refused.rc = paho.MQTT_ERR_QUEUE_SIZE
    monkeypatch.setattr(side.client._client, "publish", lambda *_, **__: refused)
    side.client.flush_and_stop("unsaid/status", "offline", PATIENCE_S)
    watcher.wait_for("unsaid/status", "offline")
    watcher.close()


def test_leaving_is_not_a_warning(shared_broker: Mosquitto, sides: Callable[..., Side]) -> None:
    side = sides(shared_broker.port, "leave")
    assert side.up.wait(PATIENCE_S)
    side.client.leave()
    side.client._client.loop_stop()
    assert side.downs.empty()
    assert not side.client.connected


def test_it_heals_when_the_broker_comes_back_and_keeps_nothing_meanwhile(
    broker: Mosquitto, sides: Callable[..., Side]
) -> None:
    side = sides(broker.port, "heal")
    assert side.up.wait(PATIENCE_S)
    side.up.clear()
    broker.stop()
    assert "ended" in side.downs.get(timeout=PATIENCE_S)
    assert side.client.publish("heal/x", "lost") is False
    broker.start()
    assert side.up.wait(PATIENCE_S)
    assert side.client.connected


def test_it_starts_before_the_broker_does_and_reports_what_is_missing(
    tmp_path: Path, sides: Callable[..., Side]
) -> None:
    late = Mosquitto(tmp_path, free_port())
    side = sides(late.port, "late")
    assert "cannot be reached" in side.downs.get(timeout=PATIENCE_S)
    late.start()
    try:
        assert side.up.wait(PATIENCE_S)
    finally:
        late.stop()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker with a certificate for localhost and a login."""
    for tool in ("openssl", "mosquitto_passwd"):
        if shutil.which(tool) is None:
            pytest.skip(f"SKIPPED: {tool} is not installed")
    folder = tmp_path_factory.mktemp("secured")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem")]
    subprocess.run([*make, *names, *files], check=True, capture_output=True)
    login = ["mosquitto_passwd", "-b", "-c", str(folder / "users"), "bb8", "rolling"]
    subprocess.run(login, check=True, capture_output=True)
    settings = (
        f"user root\nallow_anonymous false\npassword_file {folder / 'users'}\n"
        f"certfile {folder / 'ca.pem'}\nkeyfile {folder / 'key.pem'}\n"
    )
    broker = Mosquitto(folder, free_port(), settings)
    broker.start()
    yield broker
    broker.stop()


LOGIN = {"username": "bb8", "password": "rolling", "tls": True}


def test_tls_with_the_brokers_ca_and_a_login_connects(secured: Mosquitto, sides: Callable[..., Side]) -> None:
    side = sides(secured.port, "tls", host="localhost", ca_file=str(secured.folder / "ca.pem"), **LOGIN)
    assert side.up.wait(PATIENCE_S)
    assert sides(secured.port, "insecure", host="127.0.0.1", ca_file=str(secured.folder / "ca.pem"),
                 tls_insecure=True, **LOGIN).up.wait(PATIENCE_S)  # fmt: skip


# paho leaves the socket of a failed handshake to the garbage collector.
LEFT_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def collected() -> Iterator[None]:
    """Collects what the test has left open, so that no later test gets the warning."""
    yield
    gc.collect()


@LEFT_OPEN
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"host": "localhost"}, ("not trusted", "mqtt_ca_file")),
        ({"host": "127.0.0.1", "ca_file": "ca.pem"}, ("not trusted", "mqtt_host")),
        ({"host": "localhost", "ca_file": "ca.pem", "password": "wrong"}, ("login", "mqtt_password")),
        (
            {"host": "localhost", "ca_file": "ca.pem", "password": "wrong", "protocol": "3.1.1"},
            ("login", "mqtt_password"),
        ),
    ],
    ids=["unknown CA", "another name", "wrong password", "wrong password over 3.1.1"],
)
def test_a_refusal_reports_which_option_to_look_at(
    secured: Mosquitto, sides: Callable[..., Side], how: dict[str, str], words: tuple[str, ...]
) -> None:
    if "ca_file" in how:
        how = {**how, "ca_file": str(secured.folder / how["ca_file"])}
    side = sides(secured.port, "refused", **{**LOGIN, **how})
    told = side.downs.get(timeout=PATIENCE_S)
    assert all(word in told for word in words), told
    assert not side.client.connected


@LEFT_OPEN
@pytest.mark.usefixtures("collected")
def test_tls_towards_a_broker_without_it_reports_it(
    shared_broker: Mosquitto, sides: Callable[..., Side]
) -> None:
    told = sides(shared_broker.port, "plain", host="localhost", tls=True).downs.get(timeout=PATIENCE_S)
    assert "cannot be reached" in told or "mqtt_port" in told


def test_a_missing_ca_file_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match="No such file"):
        Side(Broker("127.0.0.1", 1, tls=True, ca_file="/nonexistent/ca.pem"), "tls")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_second_bridge_with_the_same_client_id_is_named(
    shared_broker: Mosquitto, sides: Callable[..., Side], protocol: str
) -> None:
    base = f"twice{protocol.replace('.', '')}"
    first = sides(shared_broker.port, base, protocol=protocol)
    assert first.up.wait(PATIENCE_S)
    sides(shared_broker.port, base, protocol=protocol)
    reasons = []
    while not any("second bridge" in reason for reason in reasons):
        reasons.append(first.downs.get(timeout=PATIENCE_S))
    assert len(reasons) <= 5
