"""The Home Assistant Core beside which this process runs (`ops.lab.core`), as a test sees and restarts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ops.lab.core import start_core
from ops.lab.core_client import Client

PATIENCE_S = 60.0


class Home:
    """Its states, services and log, and the restarts of Core and the broker."""

    def __init__(self) -> None:
        facts: dict[str, Any] = json.loads(os.environ["BB8_CORE_JSON"])
        self._client = Client(facts["base_url"], facts["token"])
        self._root, self._work = Path(facts["root"]), Path(facts["work"])
        self._pids: dict[str, int] = dict(facts["pids"])
        self._ours: list[subprocess.Popen[bytes]] = []
        self.mqtt_port: int = facts["mqtt_port"]

    def states(self) -> dict[str, dict[str, Any]]:
        """All states by entity id; empty while Home Assistant does not answer."""
        with suppress(OSError, RuntimeError):
            return {state["entity_id"]: state for state in self._client.call("GET", "/api/states")}
        return {}

    def entities(self) -> dict[str, dict[str, Any]]:
        """Registry entries of the MQTT integration by unique id."""
        with suppress(OSError, RuntimeError):
            entries = self._client.ask(type="config/entity_registry/list")
            return {entry["unique_id"]: entry for entry in entries if entry["platform"] == "mqtt"}
        return {}

    def triggers(self, device_id: str) -> list[dict[str, Any]]:
        """The device triggers that the automation editor offers for a device."""
        return list(self._client.ask(type="device_automation/trigger/list", device_id=device_id))

    def call(self, service: str, entity_id: str, **data: Any) -> None:
        """Call a service, such as `light.turn_on`, on one entity; RuntimeError when it is refused."""
        path = "/api/services/" + service.replace(".", "/")
        self._client.call("POST", path, {"entity_id": entity_id, **data})

    def ask(self, **command: Any) -> Any:
        """One command over the websocket; returns its result, RuntimeError when it is refused."""
        return self._client.ask(**command)

    def post(self, path: str, body: Any) -> Any:
        """One POST to the REST API; RuntimeError when it is refused."""
        return self._client.call("POST", path, body)

    def log(self) -> list[str]:
        """Home Assistant's log so far."""
        return (self._work / "core.log").read_text(errors="replace").splitlines()

    def until(self, true: Callable[[], Any], what: str) -> Any:
        """Poll until `true()` gives something true; AssertionError names `what` was missing."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := true()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen in Home Assistant: {what}")
            time.sleep(0.1)
        return found

    def restart_broker(self) -> None:
        """Kills mosquitto and starts it again, without memory, on the same port."""
        self._end("mosquitto")
        with (self._work / "mosquitto.log").open("ab") as log:
            command = ["/usr/sbin/mosquitto", "-c", str(self._work / "mosquitto.conf")]
            self._follow("mosquitto", subprocess.Popen(command, stdout=log, stderr=log))

    def restart_core(self) -> None:
        """End Home Assistant as its host would and start it again with the same configuration."""
        self._end("core")
        self._follow("core", start_core(self._root, self._work / "config", self._work / "core.log"))

    def _follow(self, name: str, process: subprocess.Popen[bytes]) -> None:
        self._ours.append(process)
        self._pids[name] = process.pid

    def _end(self, name: str) -> None:
        pid = self._pids[name]
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and _alive(pid):
            for process in self._ours:
                process.poll()
            time.sleep(0.05)

    def close(self) -> None:
        """End what was started here; the rig ends the rest."""
        for process in reversed(self._ours):
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)


def _alive(pid: int) -> bool:
    """Whether a process runs; the rig's own children stay as zombies until the rig looks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"
