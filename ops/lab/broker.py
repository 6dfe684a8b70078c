"""A mosquitto of the lab's own on loopback, and an ear that hears everything on it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from ops.lab.errors import LabUnavailable
from paho.mqtt.enums import CallbackAPIVersion

from ha_sandbox.http_server import free_port

PATIENCE_S = 60.0
TRIES = 20


class Broker:
    """One mosquitto process; started again it keeps its port. `settings` are lines for its configuration."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise LabUnavailable("mosquitto is not installed")
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        config = folder / "mosquitto.conf"
        common = f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        config.write_text(common + settings)
        self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait for the port."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError("mosquitto did not start: " + self._log.read_text())

    @property
    def pid(self) -> int:
        """Its process id; only while it runs."""
        if self._process is None:
            raise RuntimeError("mosquitto does not run")
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def broker(settings: str = "") -> Iterator[Broker]:
    """A running broker in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bb8-broker-") as folder:
        own = Broker(Path(folder), settings)
        own.start()
        try:
            yield own
        finally:
            own.stop()


class Ear:
    """Subscribes to everything; keeps each topic's newest payload and all of them in order."""

    def __init__(self, port: int, login: tuple[str, str] | None = None) -> None:
        self.newest: dict[str, bytes] = {}
        self.heard: list[tuple[str, bytes]] = []
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        if login:
            self._client.username_pw_set(*login)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not self._ready.wait(PATIENCE_S):
            raise TimeoutError("the broker did not confirm the subscription")

    def _message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        with self._news:
            self.newest[message.topic] = bytes(message.payload)
            self.heard.append((message.topic, bytes(message.payload)))
            self._news.notify_all()

    def tell(self, topic: str, body: Any) -> None:
        """Publish JSON at QoS 1 and wait for the broker's word."""
        self._client.publish(topic, json.dumps(body), qos=1).wait_for_publish(PATIENCE_S)

    def until(self, true: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
        """Wait until `true()` gives something true and return it; AssertionError names `what` was missing."""
        with self._news:
            if not (self._news.wait_for(lambda: bool(true()), timeout_s)):
                raise AssertionError(f"not heard: {what}; topics: {sorted(self.newest)}")
            return true()

    def json(self, topic: str) -> Any:
        """The newest payload of a topic, decoded; None when there is none."""
        payload = self.newest.get(topic)
        return json.loads(payload) if payload else None

    def acks(self, cmd: str, cid: str) -> list[dict[str, Any]]:
        """All acknowledgements of one command."""
        bodies = [json.loads(payload) for topic, payload in list(self.heard) if topic == f"bb8/ack/{cmd}"]
        return [body for body in bodies if body.get("cid") == cid]

    def obeyed(self, cmd: str, cid: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a command and wait until the robot itself has confirmed it; AssertionError if it is refused.

        An app that stood still, as on a busy machine, refuses it as STALE and asks to send it again.
        """
        for number in range(TRIES):
            answer = self._answered(cmd, f"{cid}-{number}" if number else cid, body)
            if answer["ok"]:
                return answer
            if answer.get("code") != "STALE":
                break
        raise AssertionError(f"{cmd} was refused: {answer}")

    def _answered(self, cmd: str, cid: str, body: dict[str, Any]) -> dict[str, Any]:
        self.tell(f"bb8/cmd/{cmd}", {**body, "cid": cid})

        def last() -> list[dict[str, Any]]:
            return [ack for ack in self.acks(cmd, cid) if ack["status"] == "confirmed" or not ack["ok"]]

        return dict(self.until(last, f"{cmd} confirmed or refused")[0])

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def ear(port: int, login: tuple[str, str] | None = None) -> Iterator[Ear]:
    """An ear that is closed at the end."""
    own = Ear(port, login)
    try:
        yield own
    finally:
        own.close()
