"""The echo responder: answers `<base>/echo/cmd`, measures the round trip, asks for real robot pings."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho

from bb8_core import logging_setup
from bb8_core.app_options import Options, load_options, options_path, parse_options
from bb8_core.echo_trips import Trip, Trips
from bb8_core.mqtt.broker_client import KEEPALIVE_S, new_client, refusal, unreachable, without_delay
from bb8_core.mqtt.broker_credentials import Broker, NoBroker, find
from bb8_core.process_exit import leave

MAX_PAYLOAD = 4096
"""Bytes of an echo command; a longer one is refused unread."""
MAX_QUEUED = 5000
"""Answers held back while `echo_max_inflight` of them wait for the broker; beyond it commands are refused."""
ASK_AGAIN_S = 5.0

_NAME = re.compile(rb"[0-9]{1,10}-([0-9]{1,20})")
_log = logging.getLogger("bb8.echo")


class BadEcho(ValueError):
    """The payload is not an echo command."""


@dataclass(frozen=True, slots=True)
class EchoLimits:
    """At most `max_inflight` answers wait for the broker; echoes within `min_interval_s` are refused.

    A robot that has not answered `ping_timeout_s` after it was asked counts as silent.
    """

    max_inflight: int = 16
    min_interval_s: float = 0.0
    ping_timeout_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Echo:
    """A command to echo: any JSON value, and the sender's correlation id if there was one."""

    value: Any
    cid: str | int | None


def parse(payload: bytes | bytearray) -> Echo:
    """Read an echo command; BadEcho describes what is wrong with it."""
    if len(payload) > MAX_PAYLOAD:
        raise BadEcho(f"longer than {MAX_PAYLOAD} bytes")
    try:
        body = json.loads(payload, parse_constant=_no_constant)
        json.dumps(body, allow_nan=False)  # 1e999 reads as infinity, for which JSON has no word
    except (ValueError, RecursionError) as error:
        raise BadEcho("not JSON") from error
    if not isinstance(body, dict) or "value" not in body:
        raise BadEcho('not an object with "value"')
    cid = body.get("cid")
    if cid is not None and (isinstance(cid, bool) or not isinstance(cid, str | int)):
        raise BadEcho("cid is neither text nor a whole number")
    return Echo(body["value"], cid)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def claim_number(name: bytes | bytearray) -> int:
    """The start number of the responder with this name; 0 if it is not a responder's name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else 0


def now() -> str:
    """RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def ping_result(body: Mapping[str, Any]) -> tuple[bool, float | None] | None:
    """(robot answered, its latency in ms) out of a final ack of the bridge; None while it is not final."""
    status = body.get("status")
    if status in {"accepted", "sent"}:
        return None
    rtt_ms = body.get("rtt_ms")
    if status != "confirmed" or isinstance(rtt_ms, bool) or not isinstance(rtt_ms, int | float):
        return False, None
    return True, float(rtt_ms)


class Complaints:
    """Logs a reason once, and then how often it came again."""

    def __init__(self) -> None:
        """Start without one."""
        self._reason = ""
        self._count = 0

    def add(self, reason: str) -> None:
        """Take a reason for which there is no connection."""
        self._count = self._count + 1 if reason == self._reason else 1
        self._reason = reason
        if self._count == 1:
            _log.error("%s; trying again within 5 s", reason)
        elif self._count % 100 == 0:
            _log.error("%s (%d times so far)", reason, self._count)

    def end(self) -> None:
        """There is a connection."""
        self._reason = ""


class Responder:
    """Answers echoes on one paho client: callbacks in the client's loop, timeouts in timer threads."""

    def __init__(self, client: paho.Client, base: str, limits: EchoLimits) -> None:
        self._client = client
        self._base = base
        self._limits = limits
        self._trips = Trips()
        self._last_echo = float("-inf")
        self._number = time.time_ns()
        self._owner = False
        self._yielded = False
        self._complaints = Complaints()
        self.counts: Counter[str] = Counter()
        """How many echoes were answered, and how many refused for which reason."""
        client.max_inflight_messages_set(limits.max_inflight)
        client.max_queued_messages_set(MAX_QUEUED)
        client.on_socket_open = without_delay
        client.on_connect = self._connected
        client.on_connect_fail = self._unreachable
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        client.on_publish = self._published

    # Connection

    def _connected(self, client: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._complaints.add(refusal(str(reason)))
            return
        self._complaints.end()
        _log.info("Connected")
        topics = ("echo/owner", "echo/cmd", "ack/ping", "status")
        client.subscribe([(f"{self._base}/{topic}", 1) for topic in topics])

    def _subscribed(self, _c: paho.Client, _u: Any, _mid: int, reasons: list[Any], _p: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            _log.error("the broker refused a subscription (%s)", ", ".join(refused))
            return
        _log.info("Subscribed %s/echo/cmd", self._base)
        self._claim()

    def _unreachable(self, client: paho.Client, _u: Any) -> None:
        self._complaints.add(unreachable(client.host, client.port, sys.exception()))

    def _disconnected(self, _c: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._trips.forget()
        if reason.is_failure and not self._yielded:
            _log.warning("connection lost (%s), trying again within 5 s", reason)

    # Who answers. All responders of a base topic share a client id, so that the broker keeps one connected;
    # the newest leaves its name behind, and an older one that comes back and reads it gives up permanently. A
    # broker that crashed may have restored an older name: who reads that puts his own in its place. Who has
    # just come outbids whatever he finds, since the clock may have been set back since.

    @property
    def _name(self) -> str:
        return f"{os.getpid()}-{self._number}"

    def _claim(self) -> None:
        if not self._owner:
            self._client.publish(f"{self._base}/echo/owner", self._name, qos=1, retain=True)

    def _owner_told(self, client: paho.Client, name: bytes | bytearray) -> None:
        number = claim_number(name)
        if name == self._name.encode():
            self._owner = True
        elif self._owner and number > self._number:
            self._yield_to_newer(client)
        elif not self._yielded:
            self._owner = False
            self._number = max(self._number, number + 1)
            self._claim()

    def _yield_to_newer(self, client: paho.Client) -> None:
        if not self._yielded:
            self._yielded = True
            _log.error("another echo responder took over %s: silent from here on", self._base)
            client.disconnect()

    # Echo

    def _message(self, client: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        received = time.monotonic()
        if message.topic.endswith("/ack/ping"):
            self._ping_acked(message.payload)
            return
        if message.topic == f"{self._base}/status":
            self._bridge_told(message.payload)
            return
        if message.topic.endswith("/echo/owner"):
            self._owner_told(client, message.payload)
            return
        if message.retain:
            self._refuse("RETAINED", "retained commands are refused", None)
            return
        try:
            echo = parse(message.payload)
        except BadEcho as bad:
            self._refuse("BAD_PAYLOAD", str(bad), None)
            return
        if received - self._last_echo < self._limits.min_interval_s:
            self._refuse("TOO_SOON", "sooner than echo_min_interval_ms after the one before", echo.cid)
            return
        self._last_echo = received
        self._answer(echo, received)

    def _answer(self, echo: Echo, received: float) -> None:
        ack = json.dumps({"ts": now(), "value": echo.value, "cid": echo.cid})
        info = self._client.publish(f"{self._base}/echo/ack", ack, qos=1)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            self._refuse("BUSY", "too many answers wait for the broker", echo.cid)
            return
        cid = self._trips.sent(info.mid, received)
        if cid is not None:
            self._ping(cid)
        self.counts["answered"] += 1
        self._say("echo/state", {"ts": now(), "state": "touched"})

    def _published(self, _c: paho.Client, _u: Any, mid: int, _r: Any, _p: Any) -> None:
        self._report(self._trips.delivered(mid, time.monotonic()))

    def _report(self, trip: Trip | None) -> None:
        if trip is None:
            return
        body = {"rtt_ms": trip.rtt_ms, "ble_ok": trip.ble_ok, "ble_latency_ms": trip.ble_latency_ms}
        self._say("telemetry/echo_roundtrip", {"ts": now(), **body})

    def _refuse(self, code: str, reason: str, cid: str | int | None) -> None:
        self.counts[code] += 1
        if self.counts[code] == 1 or self.counts[code] % 100 == 0:
            _log.warning("echo refused, %s: %s (%d so far)", code, reason, self.counts[code])
        body = {"cid": cid, "ok": False, "status": "rejected", "code": code, "reason": reason}
        self._say("ack/echo", body)

    def _say(self, topic: str, body: Mapping[str, Any]) -> None:
        self._client.publish(f"{self._base}/{topic}", json.dumps(body), qos=0)

    # The robot

    def _ping(self, cid: str) -> None:
        """Ask the bridge to ping the robot; the result is in the trip's telemetry."""
        self._ask(cid)
        timer = threading.Timer(self._limits.ping_timeout_s, self._ping_ended, (cid, False, None))
        timer.daemon = True
        timer.start()

    def _bridge_told(self, status: bytes | bytearray) -> None:
        """A bridge that has just started has not received earlier requests: send them again."""
        if status == b"online":
            for cid in self._trips.unanswered():
                self._ask(cid)

    def _ask(self, cid: str) -> None:
        self._client.publish(f"{self._base}/cmd/ping", json.dumps({"cid": cid}), qos=1)

    def _ping_acked(self, payload: bytes | bytearray) -> None:
        try:
            body = json.loads(payload)
        except (ValueError, RecursionError):
            return
        if not isinstance(body, dict) or not isinstance(cid := body.get("cid"), str):
            return
        result = ping_result(body)
        if result is not None:
            self._ping_ended(cid, *result)

    def _ping_ended(self, cid: str, ok: bool, latency_ms: float | None) -> None:
        self._report(self._trips.ping_ended(cid, ok, latency_ms))


def client_id(base: str) -> str:
    """One id for each base topic: the broker lets only one responder of it be connected."""
    return f"bb8-echo-{base.replace('/', '-')}"


def limits(options: Options, environ: Mapping[str, str]) -> EchoLimits:
    """The limits that the service script exported; the options file if it exported none or invalid ones."""
    inflight = _exported(environ, "echo_max_inflight", options.echo_max_inflight)
    interval_ms = _exported(environ, "echo_min_interval_ms", options.echo_min_interval_ms)
    return EchoLimits(inflight, interval_ms / 1000)


def _exported(environ: Mapping[str, str], option: str, otherwise: int) -> int:
    text = environ.get(f"BB8_{option.upper()}", "")
    if not (text.isascii() and text.isdigit()):
        return otherwise
    checked = parse_options({option: int(text[:9])})
    return otherwise if checked.problems else int(getattr(checked, option))


def broker_when_there_is_one(options: Options, wait: Callable[[float], object] = time.sleep) -> Broker:
    """Ask for the broker until there is one; each new reason is logged once."""
    told = ""
    while True:
        try:
            return find(options)
        except NoBroker as error:
            if str(error) != told:
                told = str(error)
                _log.error("%s", told)
            wait(ASK_AGAIN_S)


def main() -> int:
    """Run until SIGTERM; the exit code is 0 then, 2 when the broker's CA file cannot be used."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave(0))
    options = load_options(options_path())
    logging_setup.setup(options.log_level)
    broker = broker_when_there_is_one(options)
    logging_setup.hide(broker.password)
    try:
        client = new_client(broker, client_id(options.base_topic))
    except OSError as error:
        _log.error("the broker's CA file cannot be used (%s): correct mqtt_ca_file", error)
        return 2
    Responder(client, options.base_topic, limits(options, os.environ))
    client.connect_async(broker.host, broker.port, keepalive=KEEPALIVE_S)
    _log.info("Starting MQTT loop")
    client.loop_forever(retry_first_connection=True)
    _log.info("silent until restarted")
    while True:
        signal.pause()


if __name__ == "__main__":
    leave(main())
