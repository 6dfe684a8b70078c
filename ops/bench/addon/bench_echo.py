"""Measures the echo responder: against ten lines of paho in the same run, at 1,000 a second, and its start.

Run from the repository's root: `python ops/bench/addon/bench_echo.py`. It starts mosquitto twice on
loopback, with and without set_tcp_nodelay, writes reports/bench/echo.json and exits 1 if a figure misses its
limit. Both sides get the same settings: MQTT 5, QoS 1, TCP_NODELAY, the same inflight window.
"""

from __future__ import annotations

import itertools
import json
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "addon"), str(ROOT)]

import paho.mqtt.client as paho  # noqa: E402
from ops.bench.parts.addon_desk import NODELAY, cpu_s, percentile, program, report, watch  # noqa: E402
from ops.lab.broker import broker  # noqa: E402
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion  # noqa: E402

LIMITS: dict[str, tuple[str, float]] = {
    "p95_over_peer": ("<=", 1.5),
    "p95_over_peer_plain_broker": ("<=", 1.5),
    "lost_at_1000_a_second": ("<=", 0.0),
    "start_to_first_echo_s": ("<=", 3.0),
    "rss_mb": ("<=", 30.0),
    "idle_cpu_percent": ("<=", 0.5),
}
RESPONDER, BRIDGE = "bb8_core.echo_responder", "bb8_core.main"
BLOCKS, BLOCK = 12, 60
RATE_HZ, RATE_S = 1000, 10
PATIENCE_S = 60.0
QUIET_S = 5.0
"""When so long nothing more comes back, the rest is lost."""
PEER = """
import sys, socket, paho.mqtt.client as m
c = m.Client(m.CallbackAPIVersion.VERSION2, protocol=m.MQTTv5)
c.max_inflight_messages_set(16)
c.on_socket_open = lambda c, u, s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
c.on_connect = lambda c, *_: c.subscribe("peer/echo/cmd", 1)
c.on_message = lambda c, u, g: c.publish("peer/echo/ack", g.payload, 1)
c.connect("127.0.0.1", int(sys.argv[1]))
c.loop_forever()
"""


class Caller:
    """Sends echoes to one responder and notes when each comes back; listens to `more` topics if asked."""

    def __init__(self, port: int, base: str, *more: str) -> None:
        self.back: queue.Queue[tuple[int, float]] = queue.Queue()
        self.trips: queue.Queue[dict[str, Any]] = queue.Queue()
        self._base = base
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.max_inflight_messages_set(1000)
        self._client.on_socket_open = _without_delay
        ready = threading.Event()
        topics = [(f"{base}/{topic}", 1) for topic in ("echo/ack", *more)]
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not ready.wait(PATIENCE_S):
            raise SystemExit("the broker did not confirm a subscription")

    def _message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        at = time.monotonic()
        if message.topic.endswith("/ack"):
            self.back.put((json.loads(message.payload)["value"], at))
        else:
            self.trips.put(json.loads(message.payload))

    def send(self, number: int) -> float:
        """Send one echo; returns when."""
        at = time.monotonic()
        self._client.publish(f"{self._base}/echo/cmd", json.dumps({"value": number}), qos=1)
        return at

    def trip_ms(self, number: int) -> float:
        """Send one and wait for it."""
        sent = self.send(number)
        while True:
            back, at = self.back.get(timeout=PATIENCE_S)
            if back == number:
                return (at - sent) * 1000

    def drain(self) -> list[tuple[int, float]]:
        """What has come back since."""
        found = []
        while not self.back.empty():
            found.append(self.back.get_nowait())
        return found

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


def _without_delay(_c: Any, _u: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def caller(port: int, base: str, *more: str) -> Iterator[Caller]:
    """A caller that is closed at the end."""
    own = Caller(port, base, *more)
    try:
        yield own
    finally:
        own.close()


@contextmanager
def peer(port: int) -> Iterator[None]:
    """The ten lines, as a process of their own."""
    process = subprocess.Popen([sys.executable, "-c", PEER, str(port)])
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def until_answered(own: Caller, wanted: Callable[[], bool]) -> float:
    """Send an echo each 20 ms until `wanted`; returns when that was."""
    deadline = time.monotonic() + PATIENCE_S
    for number in itertools.count(1_000_000):
        own.send(number)
        time.sleep(0.02)
        if wanted():
            return time.monotonic()
        if time.monotonic() > deadline:
            raise SystemExit("no echo came back")
    raise AssertionError("unreachable")


def against_peer(folder: Path, settings: str) -> dict[str, float]:
    """Round trips of both in blocks that take turns, so that a busy machine slows both."""
    with broker(settings) as own, ExitStack() as stack:
        stack.enter_context(peer(own.port))
        stack.enter_context(program(RESPONDER, folder, **_options(own.port)))
        callers = {name: stack.enter_context(caller(own.port, name)) for name in ("bb8", "peer")}
        for one in callers.values():
            until_answered(one, lambda one=one: not one.back.empty())
        numbers = itertools.count()
        times: dict[str, list[float]] = {name: [] for name in callers}
        for _ in range(BLOCKS):
            for name, one in callers.items():
                times[name] += [one.trip_ms(next(numbers)) for _ in range(BLOCK)]
    ours, theirs = (percentile(times[name], 95) for name in ("bb8", "peer"))
    middle = percentile(times["bb8"], 50)
    return {"ms_p50": middle, "ms_p95": ours, "peer_ms_p95": theirs, "p95_over_peer": ours / theirs}


def at_full_rate(port: int, base: str) -> dict[str, float]:
    """1,000 echoes a second for ten seconds; how many never came back, and how late the slow ones were."""
    with caller(port, base) as one:
        until_answered(one, lambda: not one.back.empty())
        time.sleep(0.5)
        one.drain()
        began, sent = time.monotonic(), {}
        for number in range(RATE_HZ * RATE_S):
            time.sleep(max(0.0, began + number / RATE_HZ - time.monotonic()))
            sent[number] = one.send(number)
        took = time.monotonic() - began
        back: dict[int, float] = {}
        quiet_since = time.monotonic()
        while len(back) < len(sent) and time.monotonic() - quiet_since < QUIET_S:
            news = {number: at for number, at in one.drain() if number in sent}
            quiet_since = time.monotonic() if news else quiet_since
            back |= news
            time.sleep(0.01)
    delays = [(at - sent[number]) * 1000 for number, at in back.items()]
    return {
        "lost_at_1000_a_second": float(len(sent) - len(back)),
        "echoes_a_second": len(sent) / took,
        "ms_p95_at_1000_a_second": percentile(delays, 95),
    }


def both_at_full_rate(folder: Path) -> dict[str, float]:
    """Ours and, for what the machine can do at all, the peer's."""
    with broker(NODELAY) as own:
        with program(RESPONDER, folder, **_options(own.port)) as process:
            before = cpu_s(process.pid)
            ours = at_full_rate(own.port, "bb8")
            ours["cpu_percent_at_1000_a_second"] = (cpu_s(process.pid) - before) / RATE_S * 100
        with peer(own.port):
            theirs = at_full_rate(own.port, "peer")
    return ours | {f"peer_{name}": value for name, value in theirs.items()}


def first_echo(folder: Path) -> dict[str, float]:
    """Bridge and responder started together, as s6 does: until an echo is back, then with a robot's PING."""
    firsts, pings = [], []
    for number in range(3):
        with broker() as own, caller(own.port, "bb8", "telemetry/echo_roundtrip") as one:
            options = {"simulate": True, "keep_connected": True, **_options(own.port)}
            began = time.monotonic()
            with program(BRIDGE, folder / f"b{number}", **options), program(RESPONDER, folder, **options):
                firsts.append(until_answered(one, lambda one=one: not one.back.empty()) - began)
                pings.append(until_answered(one, lambda one=one: _robot_answered(one)) - began)
    return {"start_to_first_echo_s": max(firsts), "start_to_first_robot_ping_s": max(pings)}


def _robot_answered(one: Caller) -> bool:
    while not one.trips.empty():
        if one.trips.get_nowait()["ble_ok"]:
            return True
    return False


def at_rest(folder: Path) -> dict[str, float]:
    """Memory and CPU of a responder that nobody asks."""
    with broker() as own, program(RESPONDER, folder, **_options(own.port)) as process:
        cpu, rss = watch(process, 20.0)
    return {"rss_mb": rss, "idle_cpu_percent": cpu}


def _options(port: int) -> dict[str, Any]:
    return {"mqtt_host": "127.0.0.1", "mqtt_port": port}


def main() -> int:
    """Measure everything; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = against_peer(folder, NODELAY)
        figures |= {f"{key}_plain_broker": value for key, value in against_peer(folder, "").items()}
        figures |= both_at_full_rate(folder) | first_echo(folder) | at_rest(folder)
    return report("echo", figures, LIMITS, "MQTT 5, QoS 1, TCP_NODELAY on our sockets, mosquitto on loopback")


if __name__ == "__main__":
    sys.exit(main())
