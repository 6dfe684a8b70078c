"""Greets over MQTT, answers echoes, and reports which content runs."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import mqtt

BASE = "hello"
RETRY = 2.0
"""Seconds between two attempts to reach the broker."""


def load(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty if there is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def identity(stamp: dict[str, Any]) -> dict[str, str]:
    """What runs here: the stamp that the deploy put into the image, and this Python."""
    names = ("version", "tree", "commit", "run")
    return {**{name: str(stamp.get(name, "unknown")) for name in names}, "python": platform.python_version()}


def identity_line(about: dict[str, str]) -> str:
    """The log line that bb8deploy looks for."""
    return "IDENTITY " + " ".join(f"{name}={value}" for name, value in about.items())


def echo(payload: bytes) -> bytes | None:
    """The answer to an echo command, None if it is not one."""
    try:
        body = json.loads(payload)
        return json.dumps({"cid": body["cid"], "value": body["value"]}).encode()
    except (ValueError, KeyError, TypeError):
        return None


def ask_supervisor() -> dict[str, Any]:
    """The MQTT service of this host, as the Supervisor describes it."""
    request = urllib.request.Request(
        os.environ.get("SUPERVISOR_URL", "http://supervisor") + "/services/mqtt",
        headers={"Authorization": f"Bearer {os.environ.get('SUPERVISOR_TOKEN', '')}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        data: dict[str, Any] = json.load(answer)["data"]
    return data


def serve(about: dict[str, str], options: dict[str, Any]) -> None:
    """Greets, then answers echoes until the broker goes away."""
    greeting = str(options.get("greeting", "Hello"))
    service = ask_supervisor()
    login = (str(service.get("username", "")), str(service.get("password", "")))
    link = mqtt.Connection(str(service["host"]), int(service["port"]), login, "hello_home")
    link.send(mqtt.publish(f"{BASE}/status/identity", json.dumps(about).encode(), retain=True))
    link.send(mqtt.publish(f"{BASE}/greeting", greeting.encode(), retain=True))
    if options.get("enable_echo", True):
        link.send(mqtt.subscribe(f"{BASE}/echo/cmd"))
    print(f"Connected: {greeting}", flush=True)
    for kind, body in link.packets():
        if kind == mqtt.PUBLISH:
            answer = echo(mqtt.message(body)[1])
            if answer is not None:
                link.send(mqtt.publish(f"{BASE}/echo/ack", answer))


def main() -> None:
    """Runs until it is told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    about = identity(load(Path(__file__).with_name("build_stamp.json")))
    print(identity_line(about), flush=True)
    if os.access(Path(__file__).with_name("run.sh"), os.X_OK):
        print("RUN_SH_PRESENT", flush=True)
    options = load(Path(os.environ.get("BB8_OPTIONS", "/data/options.json")))
    while True:
        try:
            serve(about, options)
        except (OSError, ValueError, KeyError) as error:
            print(f"no MQTT: {error}", flush=True)
        time.sleep(RETRY)


if __name__ == "__main__":
    main()
