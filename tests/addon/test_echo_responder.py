"""The echo responder as its own process against a real broker, and its words and limits as functions."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from tests.addon.conftest import Mosquitto
from tests.addon.depth import examples, texts

from bb8_core import echo_responder as echo
from bb8_core import echo_trips
from bb8_core.app_options import Options
from bb8_core.echo_responder import Complaints
from bb8_core.mqtt.broker_client import new_client
from bb8_core.mqtt.broker_credentials import Broker, NoBroker

ADDON = Path(__file__).parents[2] / "addon"
PATIENCE_S = 60.0

Message = tuple[str, dict[str, Any]]


class Sender:
    """The other side: sends echoes, hears all, and may play the bridge that pings the robot."""

    def __init__(self, port: int, ping_answer: Mapping[str, Any] | None, base: str = "bb8") -> None:
        self.heard: queue.Queue[Message] = queue.Queue()
        self.pings: list[str] = []
        self.base = base
        self._ping_answer = ping_answer
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        ready = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe(f"{base}/#", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = self._message
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert ready.wait(PATIENCE_S)

    def _message(self, client: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        topic = message.topic.removeprefix(f"{self.base}/")
        if topic in {"echo/cmd", "status"}:
            return
        body = {"name": message.payload.decode()} if topic == "echo/owner" else json.loads(message.payload)
        if topic == "cmd/ping":
            self.pings.append(body["cid"])
            if self._ping_answer is not None:
                for answer in (
                    {"ok": True, "status": "accepted"},
                    {"ok": True, "status": "sent"},
                    self._ping_answer,
                ):
                    client.publish(f"{self.base}/ack/ping", json.dumps({"cid": body["cid"], **answer}), qos=1)
        self.heard.put((topic, body))

    def play_bridge(self, ping_answer: Mapping[str, Any]) -> None:
        """Come up as a bridge that answers pings."""
        self._ping_answer = ping_answer
        self.client.publish(f"{self.base}/status", "online", qos=1).wait_for_publish(PATIENCE_S)

    def send(self, payload: str | bytes, retain: bool = False) -> None:
        topic = f"{self.base}/echo/cmd"
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def until(self, topic: str, wanted: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            heard, body = self.heard.get(timeout=max(0.01, deadline - time.monotonic()))
            if heard == topic and wanted(body):
                return body

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Program:
    """The responder as s6 starts it, its log at hand."""

    def __init__(self, folder: Path, port: int, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "options.json"
        file.write_text(json.dumps({"mqtt_host": "127.0.0.1", "mqtt_port": port, **options}))
        environment = {**os.environ, "PYTHONPATH": str(ADDON), "BB8_OPTIONS": str(file)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bb8_core.echo_responder"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.put(line)

    def until(self, text: str) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while text not in (line := self.lines.get(timeout=max(0.01, deadline - time.monotonic()))):
            pass
        return line

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


CONFIRMED = {"ok": True, "status": "confirmed", "rtt_ms": 12.5}
Start = Callable[..., Program]


@pytest.fixture
def start(broker: Mosquitto, tmp_path: Path) -> Iterator[Start]:
    programs: list[Program] = []

    def starter(**options: Any) -> Program:
        program = Program(tmp_path / f"echo-{len(programs)}", broker.port, **options)
        programs.append(program)
        return program

    yield starter
    for program in programs:
        if program.process.poll() is None:
            program.process.kill()
        program.process.wait()


@pytest.fixture
def sender(broker: Mosquitto) -> Iterator[Sender]:
    own = Sender(broker.port, CONFIRMED)
    yield own
    own.close()


class Pair:
    """A responder of this process and its sender, on a base topic of their own."""

    def __init__(
        self, port: int, base: str, limits: echo.EchoLimits, ping_answer: Mapping[str, Any] | None
    ) -> None:
        self.sender = Sender(port, ping_answer, base)
        self._broker = Broker("127.0.0.1", port)
        self.client = new_client(self._broker, echo.client_id(base))
        self.responder = echo.Responder(self.client, base, limits)
        self._loop = threading.Thread(target=self.client.loop_forever, args=(1.0, True), daemon=True)

    def begin(self) -> Sender:
        """Connect the responder, in the loop of the service; returns when it has subscribed."""
        self.client.connect_async(self._broker.host, self._broker.port)
        self._loop.start()
        self.sender.until("echo/owner")
        return self.sender

    def close(self) -> None:
        self.client.disconnect()
        if self._loop.is_alive():
            self._loop.join(PATIENCE_S)
        self.sender.send(b"", retain=True)
        self.sender.close()


@pytest.fixture
def pair(shared_broker: Mosquitto) -> Iterator[Callable[..., Pair]]:
    pairs: list[Pair] = []

    def maker(ping_answer: Mapping[str, Any] | None = CONFIRMED, **limits: Any) -> Pair:
        base = f"echo/{uuid.uuid4().hex}"
        pairs.append(Pair(shared_broker.port, base, echo.EchoLimits(**limits), ping_answer))
        return pairs[-1]

    yield maker
    for one in pairs:
        one.close()


@pytest.mark.needs_mosquitto
def test_an_echo_is_answered_touched_and_measured_with_a_real_ping(start: Start, sender: Sender) -> None:
    program = start()
    program.until("Connected")
    program.until("Subscribed")
    sender.send('{"value": {"n": 1}, "cid": "one"}')
    ack = sender.until("echo/ack")
    assert (ack["value"], ack["cid"]) == ({"n": 1}, "one")
    assert sender.until("echo/state")["state"] == "touched"
    trip = sender.until("telemetry/echo_roundtrip")
    assert (trip["ble_ok"], trip["ble_latency_ms"]) == (True, 12.5)
    assert 0 < trip["rtt_ms"] < PATIENCE_S * 1000
    assert program.stop() == 0


@pytest.mark.needs_mosquitto
def test_the_robot_is_pinged_once_a_second_at_most_and_else_nothing_is_claimed(
    pair: Callable[..., Pair],
) -> None:
    sender = pair().begin()
    began = time.monotonic()
    for number in range(50):
        sender.send(json.dumps({"value": number}))
    trips = [sender.until("telemetry/echo_roundtrip") for _ in range(50)]
    seconds = time.monotonic() - began
    asked = [trip for trip in trips if trip["ble_ok"] is not None]
    assert 1 <= len(asked) == len(sender.pings) <= seconds + 1
    assert all(trip["ble_latency_ms"] is None for trip in trips if trip["ble_ok"] is None)


@pytest.mark.needs_mosquitto
@pytest.mark.parametrize(
    "answer",
    [None, {"ok": False, "status": "rejected", "code": "NOT_CONNECTED"}],
    ids=["silence", "no robot"],
)
def test_a_robot_that_did_not_answer_is_not_ok(
    pair: Callable[..., Pair], answer: dict[str, Any] | None
) -> None:
    sender = pair(answer, ping_timeout_s=0.2).begin()
    sender.send('{"value": 1}')
    trip = sender.until("telemetry/echo_roundtrip")
    assert (trip["ble_ok"], trip["ble_latency_ms"]) == (False, None)


@pytest.mark.needs_mosquitto
def test_nothing_is_published_while_the_lock_is_held(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a timer waits for paho, and paho for a callback that waits for the timer's lock."""
    one = pair(None, ping_timeout_s=0.5)
    publish, free = one.client.publish, list[bool]()

    def published(topic: str, *rest: Any, **how: Any) -> paho.MQTTMessageInfo:
        free.append(can_be_taken(one.responder._trips._lock))
        return publish(topic, *rest, **how)

    monkeypatch.setattr(one.client, "publish", published)
    sender = one.begin()
    sender.send('{"value": 1, "cid": "unanswered"}')
    sender.client.publish(f"{sender.base}/status", "online", qos=1)
    assert sender.until("telemetry/echo_roundtrip")["ble_ok"] is False
    sender.play_bridge(CONFIRMED)
    monkeypatch.setattr(echo_trips, "PING_EVERY_S", 0.0)
    sender.send('{"value": 2, "cid": "answered"}')
    assert sender.until("telemetry/echo_roundtrip")["ble_ok"] is True
    assert len(free) >= 7
    assert all(free)


def can_be_taken(lock: threading.Lock) -> bool:
    """Whether another thread gets the lock."""
    taken = list[bool]()

    def take() -> None:
        if lock.acquire(timeout=10):
            taken.append(True)
            lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return bool(taken)


@pytest.mark.needs_mosquitto
def test_a_bridge_that_comes_up_late_is_asked_again(pair: Callable[..., Pair]) -> None:
    sender = pair(None, ping_timeout_s=PATIENCE_S).begin()
    sender.send('{"value": 1}')
    sender.until("cmd/ping")
    sender.play_bridge(CONFIRMED)
    assert sender.until("telemetry/echo_roundtrip")["ble_ok"] is True
    assert len(set(sender.pings)) == 1


@pytest.mark.needs_mosquitto
@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"[1]", b'{"cid": 1}', b'{"value": 1, "cid": []}'])
def test_nonsense_is_refused_with_a_reason_and_the_next_echo_is_answered(
    pair: Callable[..., Pair], payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    one = pair()
    sender = one.begin()
    sender.send(payload)
    refusal = sender.until("ack/echo")
    assert (refusal["status"], refusal["code"]) == ("rejected", "BAD_PAYLOAD")
    assert "1 so far" in caplog.text
    sender.send('{"value": true}')
    assert sender.until("echo/ack")["value"] is True
    assert one.responder.counts["BAD_PAYLOAD"] == 1


@pytest.mark.needs_mosquitto
def test_a_retained_echo_is_refused(pair: Callable[..., Pair]) -> None:
    one = pair()
    one.sender.send('{"value": 1}', retain=True)
    one.begin()
    assert one.sender.until("ack/echo")["code"] == "RETAINED"


@pytest.mark.needs_mosquitto
def test_an_echo_too_soon_after_another_is_refused_with_its_cid(pair: Callable[..., Pair]) -> None:
    sender = pair(min_interval_s=10.0).begin()
    sender.send('{"value": 1, "cid": "a"}')
    sender.send('{"value": 2, "cid": "b"}')
    assert sender.until("echo/ack")["cid"] == "a"
    refusal = sender.until("ack/echo")
    assert (refusal["code"], refusal["cid"]) == ("TOO_SOON", "b")


@pytest.mark.needs_mosquitto
def test_of_two_responders_only_the_newer_answers(start: Start, sender: Sender) -> None:
    first = start()
    first.until("Subscribed")
    second = start()
    second.until("Subscribed")
    first.until("took over")
    first.until("silent until restarted")
    second.until("connection lost")
    second.until("Subscribed")
    for number in range(5):
        sender.send(json.dumps({"value": number}))
    answered = [sender.until("echo/ack")["value"] for _ in range(5)]
    assert answered == list(range(5))
    assert first.stop() == 0
    assert second.stop() == 0


@pytest.mark.needs_mosquitto
@pytest.mark.parametrize("restored", [b"1-1", b"", b"nobody"], ids=["older", "removed", "no name"])
def test_a_responder_whose_broker_restored_an_older_owner_takes_its_place_again(
    pair: Callable[..., Pair], restored: bytes
) -> None:
    one = pair()
    sender = one.begin()
    name = one.responder._name
    sender.client.publish(f"{sender.base}/echo/owner", restored, qos=1, retain=True)
    sender.until("echo/owner", lambda body: body["name"] == restored.decode())
    sender.until("echo/owner", lambda body: body["name"] == name)
    sender.send('{"value": "still here"}')
    assert sender.until("echo/ack")["value"] == "still here"


@pytest.mark.needs_mosquitto
def test_a_new_responder_outbids_an_owner_of_a_time_to_come(pair: Callable[..., Pair]) -> None:
    """The clock may have been set back since the last run, whose name the broker has kept."""
    one = pair()
    future = b"7-9999999999999999999"
    # The broker must have it before the responder subscribes: a claim that arrives later is a newer one.
    one.sender.client.publish(f"{one.sender.base}/echo/owner", future, qos=1, retain=True).wait_for_publish(
        30
    )
    sender = one.begin()
    sender.until("echo/owner", lambda body: echo.claim_number(body["name"].encode()) > int(future[2:]))
    sender.send('{"value": 1}')
    assert sender.until("echo/ack")["value"] == 1


@pytest.mark.needs_mosquitto
def test_an_owner_yields_for_good_to_a_newer_one_only(pair: Callable[..., Pair]) -> None:
    one = pair()
    sender = one.begin()
    sender.send('{"value": 1}')
    sender.until("echo/ack")
    newer = f"7-{one.responder._number + 1}".encode()
    sender.client.publish(f"{sender.base}/echo/owner", newer, qos=1, retain=True)
    sender.until("echo/owner", lambda body: body["name"] == newer.decode())
    sender.client.publish(f"{sender.base}/echo/owner", b"1-1", qos=1, retain=True)
    sender.send('{"value": 2}')
    sender.client.publish(f"{sender.base}/echo/ack", '{"value": "mark"}', qos=1)
    assert sender.until("echo/ack")["value"] == "mark"


def test_a_claim_s_number_is_read_and_nonsense_is_none() -> None:
    assert echo.claim_number(b"12-345") == 345
    assert [echo.claim_number(name) for name in (b"", b"x", b"1-", b"1-2-3", b"1-" + b"9" * 5000)] == [0] * 5


@pytest.mark.needs_mosquitto
def test_the_broker_may_go_and_come_back(start: Start, broker: Mosquitto) -> None:
    program = start(mqtt_protocol="3.1.1", base_topic="home/bb8")
    program.until("Subscribed home/bb8/echo/cmd")
    broker.stop()
    program.until("connection lost")
    broker.start()
    program.until("Subscribed")
    sender = Sender(broker.port, None, "home/bb8")
    sender.send('{"value": "back"}')
    assert sender.until("echo/ack")["value"] == "back"
    sender.close()


@examples(50)
@given(st.one_of(st.binary(max_size=200), texts(200).map(str.encode)))
def test_any_payload_is_an_echo_or_a_bad_echo(payload: bytes) -> None:
    with contextlib.suppress(echo.BadEcho):
        assert isinstance(echo.parse(payload), echo.Echo)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"value": NaN}',
        b"[" * 4000,
        b'{"value":"' + b"x" * echo.MAX_PAYLOAD + b'"}',
        b'{"value":1,"cid":true}',
        b'{"value":1e999}',
        b'{"value":[{"x":-1e999}]}',
    ],
    ids=["nan", "deep", "long", "bool cid", "infinite", "infinite inside"],
)
def test_payloads_that_json_would_take_but_we_do_not(payload: bytes) -> None:
    with pytest.raises(echo.BadEcho):
        echo.parse(payload)


@examples(50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | texts(), st.lists, max_leaves=5))
def test_any_json_value_comes_back_as_it_was(value: Any) -> None:
    assert echo.parse(json.dumps({"value": value}).encode()).value == value


@pytest.mark.parametrize(
    ("ack", "result"),
    [
        ({"status": "accepted"}, None),
        ({"status": "sent"}, None),
        ({"status": "confirmed", "rtt_ms": 3}, (True, 3.0)),
        ({"status": "confirmed"}, (False, None)),
        ({"status": "confirmed", "rtt_ms": True}, (False, None)),
        ({"status": "expired", "rtt_ms": 3}, (False, None)),
        ({}, (False, None)),
    ],
)
def test_only_a_confirmed_and_measured_ping_counts(ack: dict[str, Any], result: Any) -> None:
    assert echo.ping_result(ack) == result


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, echo.EchoLimits(7, 0.02)),
        ({"BB8_ECHO_MAX_INFLIGHT": "3", "BB8_ECHO_MIN_INTERVAL_MS": "0"}, echo.EchoLimits(3, 0.0)),
        ({"BB8_ECHO_MAX_INFLIGHT": "0", "BB8_ECHO_MIN_INTERVAL_MS": "-1"}, echo.EchoLimits(7, 0.02)),
        ({"BB8_ECHO_MAX_INFLIGHT": "many"}, echo.EchoLimits(7, 0.02)),
        ({"BB8_ECHO_MAX_INFLIGHT": "257", "BB8_ECHO_MIN_INTERVAL_MS": "9" * 5000}, echo.EchoLimits(7, 0.02)),
    ],
)
def test_what_the_service_script_exports_wins_if_it_makes_sense(
    environ: dict[str, str], expected: echo.EchoLimits
) -> None:
    assert echo.limits(Options(echo_max_inflight=7, echo_min_interval_ms=20), environ) == expected


def test_a_missing_broker_is_reported_once_for_each_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = Broker("127.0.0.1", 1883)
    answers: list[Exception | Broker] = [NoBroker("none"), NoBroker("none"), NoBroker("asleep"), found]

    def find(_options: Options) -> Broker:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(echo, "find", find)
    waits: list[float] = []
    assert echo.broker_when_there_is_one(Options(), waits.append) is found
    assert [record.message for record in caplog.records] == ["none", "asleep"]
    assert waits == [echo.ASK_AGAIN_S] * 3


def test_the_client_id_is_one_for_each_base_topic() -> None:
    assert echo.client_id("bb8") == echo.client_id("bb8") != echo.client_id("home/bb8")


def test_a_reason_is_logged_once_and_then_counted(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for _ in range(250):
        complaints.add("the broker refused the login")
    assert [record.message for record in caplog.records] == [
        "the broker refused the login; trying again within 5 s",
        "the broker refused the login (100 times so far)",
        "the broker refused the login (200 times so far)",
    ]
    complaints.end()
    complaints.add("the broker refused the login")
    assert len(caplog.records) == 4
