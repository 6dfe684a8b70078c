"""Runs a command against an app that runs in a sandbox: waits until the app is up, and keeps the logs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.catalogue.errors.tool import SANDBOX_APP_NOT_UP, SANDBOX_COMMAND_MISSING
from ha_sandbox.sandbox import Sandbox

_LOG_LINES = 5000
_TAIL = 25
_LOOPBACK = "127.0.0.1"
_POLL = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Readiness:
    """When the app counts as up: it runs, its health check has passed if it has one, and as asked here.

    `log` is a regular expression that a line of its log contains, `topic` an MQTT topic on which it
    publishes. Without both, it has to run for `settle` seconds. `deadline` is in seconds from its start.
    """

    log: re.Pattern[str] | None = None
    topic: str = ""
    settle: float = 1.0
    deadline: float = 60.0


def wait_until_up(box: Sandbox, readiness: Readiness, start: Callable[[], None]) -> None:
    """Starts the app with `start` and waits until it is up.

    Raises CheckFailed SANDBOX_APP_NOT_UP, with the end of its log, if it ends or if the deadline passes.
    """
    heard = threading.Event()
    with _listening(box, readiness.topic, heard):
        start()
        begin = time.monotonic()
        while not _is_up(box, readiness, heard, time.monotonic() - begin):
            if _state(box) in {"error", "stopped"}:
                raise SANDBOX_APP_NOT_UP("the app ended before it was up", details=_tail(box))
            if time.monotonic() - begin > readiness.deadline:
                why = (
                    f"the app was not up within {readiness.deadline:.0f} s: {_missing(box, readiness, heard)}"
                )
                raise SANDBOX_APP_NOT_UP(why, details=_tail(box))
            time.sleep(_POLL)


def run_command(box: Sandbox, command: Sequence[str]) -> int:
    """Runs the command with the host's addresses in its environment; returns its exit code.

    Raises UsageError SANDBOX_COMMAND_MISSING if there is no such program.
    """
    environment = {**os.environ, **environment_of(box)}
    try:
        return subprocess.run(list(command), env=environment, check=False).returncode
    except (FileNotFoundError, PermissionError) as error:
        raise SANDBOX_COMMAND_MISSING(f"{command[0]} cannot be run: {error.strerror}") from error


def environment_of(box: Sandbox) -> Mapping[str, str]:
    """The settings of the host, the Supervisor's address and token, and the app's slug, /data and ports."""
    slug = box.app.slug if box.app else ""
    app = box.manager.installed.get(slug)
    return {
        **box.env(),
        "SUPERVISOR_URL": box.supervisor_url,
        "SUPERVISOR_TOKEN": box.supervisor_token,
        "SANDBOX_APP": slug,
        "SANDBOX_DATA": str(box.root / "data" / slug),
        **(port_addresses(app.ports(), box.runtime.address("mqtt")[0]) if app else {}),
    }


def port_addresses(ports: Mapping[str, object], broker_host: str) -> dict[str, str]:
    """SANDBOX_PORT_8080_TCP=127.0.0.1:8080 for each port of `ports` in config.yaml.

    Without a network namespace an app listens at the container's port of this machine's loopback. A container
    with one cannot be reached, so it has no address; it knows the broker by another name than loopback.
    """
    if broker_host != _LOOPBACK:
        return {}
    named = (port.partition("/") for port in ports)
    return {
        f"SANDBOX_PORT_{number}_{(kind or 'tcp').upper()}": f"{_LOOPBACK}:{number}"
        for number, _, kind in named
    }


def keep_logs(box: Sandbox, folder: Path) -> None:
    """Copies the logs of the Supervisor and of every app to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in sorted((box.root / "logs").glob("*.log")):
        shutil.copyfile(log, folder / log.name)


def _is_up(box: Sandbox, readiness: Readiness, heard: threading.Event, seconds: float) -> bool:
    if _state(box) != "started":
        return False
    if readiness.log is None and not readiness.topic:
        return seconds >= readiness.settle
    return not _missing(box, readiness, heard)


def _missing(box: Sandbox, readiness: Readiness, heard: threading.Event) -> str:
    """What has not happened yet, in words; empty if everything has."""
    if _state(box) != "started":
        return f"its state is {_state(box)}"
    if readiness.topic and not heard.is_set():
        return f"no message came on {readiness.topic}"
    if readiness.log and not readiness.log.search(_log(box, _LOG_LINES)):
        return f"no line of its log matches {readiness.log.pattern}"
    return ""


def _state(box: Sandbox) -> str:
    app = box.manager.installed.get(box.app.slug) if box.app else None
    return str(app.state) if app else "unknown"


def _log(box: Sandbox, lines: int) -> str:
    return box.manager.log_of(box.app.slug).latest(lines) if box.app else ""


def _tail(box: Sandbox) -> list[str]:
    return _log(box, _TAIL).splitlines()


class _listening:  # noqa: N801  reads as a phrase in a `with`
    """Sets `heard` when a message arrives on `topic`; does nothing without a topic."""

    def __init__(self, box: Sandbox, topic: str, heard: threading.Event) -> None:
        self._box, self._topic, self._heard = box, topic, heard

    def __enter__(self) -> None:
        if not self._topic:
            return
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        settings, subscribed = self._box.env(), threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.username_pw_set(settings["MQTT_USERNAME"], settings["MQTT_PASSWORD"])

        def subscribe(*_: object) -> None:
            client.subscribe(self._topic, qos=1)

        client.on_connect = subscribe
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda *_: self._heard.set()
        client.connect(settings["MQTT_HOST"], int(settings["MQTT_PORT"]))
        client.loop_start()
        self._client = client
        subscribed.wait(10)

    def __exit__(self, *_: object) -> None:
        if self._topic:
            self._client.disconnect()
            self._client.loop_stop()
