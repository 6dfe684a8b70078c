"""Looks whether an app in a sandbox meets a condition: its state, log, ports, page and MQTT messages."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from urllib.parse import urlsplit

from ha_sandbox.run.conditions import Condition, Kind
from ha_sandbox.run.ingress_cookie import ingress_cookie
from ha_sandbox.runtime.runtime_interface import Address
from ha_sandbox.sandbox import Sandbox
from ha_sandbox.supervisor.installed_app import Installed

_LOG_LINES = 5000
SETTLE = 1.0
"""Seconds that an app has to run: one that fails at once does not count as up."""
_ANSWER = 5.0  # seconds for one connection or answer
_IDENTITY = re.compile(r"\bIDENTITY version=(\S+)")


class Probe:
    """Looks at the app of `box`. `heard` are the topic filters on which a message has come."""

    def __init__(self, box: Sandbox, heard: set[str]) -> None:
        self._box = box
        self._heard = heard
        self._begin = time.monotonic()

    def problem(self, condition: Condition) -> str:
        """Why the app does not meet the condition yet, empty if it does."""
        looks = {
            Kind.RUNNING: self._running,
            Kind.IDENTITY: self._identity,
            Kind.LOG: self._logged,
            Kind.PORT: self._port,
            Kind.PAGE: self._page,
            Kind.TOPIC: self._message,
            Kind.HTTP: self._answer,
        }
        return looks[condition.kind](condition)

    @cached_property
    def _cookie(self) -> str:
        return ingress_cookie(self._box)

    @property
    def app(self) -> Installed | None:
        """The app, None if it is not installed."""
        return self._box.manager.installed.get(self._box.app.slug) if self._box.app else None

    def log(self, lines: int = _LOG_LINES) -> str:
        """The end of the app's log since it was started."""
        return self._box.manager.log_of(self._box.app.slug).latest(lines) if self._box.app else ""

    def _running(self, _: Condition) -> str:
        state = str(self.app.state) if self.app else "unknown"
        settled = time.monotonic() - self._begin >= SETTLE
        return "" if state == "started" and settled else f"its state is {state}"

    def _identity(self, _: Condition) -> str:
        reported = _IDENTITY.findall(self.log())
        version = self.app.version if self.app else ""
        if not reported:
            return "its log has no line `IDENTITY version=...`, which an app has to write itself"
        return "" if version in reported else f"it reports version {reported[-1]} instead of {version}"

    def _logged(self, condition: Condition) -> str:
        found = re.search(condition.what, self.log(), re.MULTILINE)
        return "" if found else f"no line of its log matches {condition.what}"

    def _port(self, condition: Condition) -> str:
        address = self._address(condition.port)
        return "" if address and _connects(address) else f"nothing listens on port {condition.port}"

    def _page(self, _: Condition) -> str:
        container = self.app.container if self.app else None
        if container and container.page and _connects(container.page):
            return ""
        return f"nothing listens on ingress port {self.app.ingress_port if self.app else 0}"

    def _message(self, condition: Condition) -> str:
        return "" if condition.what in self._heard else f"no message came on {condition.what}"

    def _answer(self, condition: Condition) -> str:
        path, headers = condition.what, {}
        address = self._address(condition.port)
        if not condition.port and self.app:
            core = urlsplit(self._box.core_url)
            address = (str(core.hostname), int(core.port or 80))
            path = f"{self.app.ingress_entry}{path}"
            headers = {"Cookie": self._cookie}
        if address is None:
            return f"{condition} has no address"
        return _asked(address, path, headers, str(condition))

    def _address(self, port: int) -> Address | None:
        container = self.app.container if self.app else None
        return container.ports.get(port) if container else None


def _connects(address: Address) -> bool:
    try:
        socket.create_connection(address, _ANSWER).close()
    except OSError:
        return False
    return True


def _asked(address: Address, path: str, headers: dict[str, str], asked: str) -> str:
    """Why an answer does not count as healthy, empty if it does: a status from 200 to 399."""
    connection = http.client.HTTPConnection(*address, timeout=_ANSWER)
    try:
        connection.request("GET", path, headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{asked} has no answer ({str(error) or type(error).__name__})"
    finally:
        connection.close()
    return "" if 200 <= status < 400 else f"{asked} answers with status {status}"


@contextmanager
def listening(box: Sandbox, topics: Sequence[str]) -> Iterator[set[str]]:
    """The filters of `topics` on which a message has come since then, filled as messages come."""
    heard: set[str] = set()
    if not topics:
        yield heard
        return
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    settings, subscribed = box.env(), threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set(settings["MQTT_USERNAME"], settings["MQTT_PASSWORD"])

    def note(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        heard.update(topic for topic in topics if mqtt.topic_matches_sub(topic, message.topic))

    def subscribe(*_: object) -> None:
        client.subscribe([(topic, 1) for topic in topics])

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = note
    client.connect(settings["MQTT_HOST"], int(settings["MQTT_PORT"]))
    client.loop_start()
    subscribed.wait(10)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()
