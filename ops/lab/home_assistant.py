"""The real Home Assistant Core for a test: finds the rig that makes it, and can restart its two processes.

The rig is a program of its own (`exec -- COMMAND` runs a command beside a Home Assistant and a mosquitto in a
private network namespace, HA_RIG_JSON telling where they are); BB8_HA_RIG names it, or it lies in
`../shared/lab/ha_rig.py` beside the checkout.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from ops.lab.bases import cache_dir
from ops.lab.errors import LabUnavailable

PATIENCE_S = 60.0
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "lab" / "ha_rig.py"


def rig_file() -> Path:
    """Where the rig is; LabUnavailable when there is none or this machine cannot run it."""
    rig = Path(os.environ.get("BB8_HA_RIG") or BESIDE)
    if not rig.is_file():
        raise LabUnavailable("the Home Assistant rig is not here (set BB8_HA_RIG to its ha_rig.py)")
    if os.geteuid() != 0:
        raise LabUnavailable("the Home Assistant rig needs root")
    for tool in ("debootstrap", "unshare", "mosquitto"):
        if shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
            raise LabUnavailable(f"{tool} is not installed")
    return rig


def rig_environment() -> dict[str, str]:
    """The environment for the rig: its gigabyte of Home Assistant stays in the lab's cache."""
    folder = os.environ.get("HA_RIG_DIR") or str(cache_dir() / "ha")
    return {**os.environ, "HA_RIG_DIR": folder, "BB8_HA_RIG": str(rig_file())}


def _load(rig: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("ha_rig", rig)
    if spec is None or spec.loader is None:
        raise LabUnavailable(f"{rig} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Home:
    """The Home Assistant beside which this process runs, inside the rig's namespace."""

    def __init__(self) -> None:
        self._facts: dict[str, Any] = json.loads(os.environ["HA_RIG_JSON"])
        self._rig = _load(rig_file())
        self._api = self._rig.HA(self._facts["base_url"], self._facts["token"])
        self._ours: list[subprocess.Popen[bytes]] = []
        self._pids: dict[str, int] = dict(self._facts["pids"])
        self.mqtt_port: int = self._facts["mqtt_port"]

    def states(self) -> dict[str, dict[str, Any]]:
        """All states by entity id; empty while Home Assistant does not answer."""
        with suppress(OSError, RuntimeError):
            return {state["entity_id"]: state for state in self._api.call("GET", "/api/states")}
        return {}

    def entities(self) -> dict[str, dict[str, Any]]:
        """Registry entries of the MQTT integration by unique id."""
        with suppress(OSError, RuntimeError):
            (entries,) = self._api.ws({"type": "config/entity_registry/list"})
            return {entry["unique_id"]: entry for entry in entries if entry["platform"] == "mqtt"}
        return {}

    def call(self, service: str, entity_id: str, **data: Any) -> None:
        """Call a service, such as `light.turn_on`, on one entity; RuntimeError when it is refused."""
        path = "/api/services/" + service.replace(".", "/")
        self._api.call("POST", path, {"entity_id": entity_id, **data})

    def log(self) -> list[str]:
        """Home Assistant's log so far."""
        return Path(self._facts["hass_log"]).read_text(errors="replace").splitlines()

    def until(self, true: Callable[[], Any], what: str) -> Any:
        """Poll until `true()` gives something true; AssertionError names `what` was missing."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := true()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen in Home Assistant: {what}")
            time.sleep(0.1)
        return found

    def restart_broker(self) -> None:
        """Kill mosquitto and start it anew, without memory, on the same port."""
        self._end("mosquitto")
        work = Path(self._facts["mosquitto_log"]).parent
        self._start(
            "mosquitto", ["/usr/sbin/mosquitto", "-c", str(work / "mosquitto.conf")], work / "mosquitto.log"
        )

    def restart_core(self) -> None:
        """End Home Assistant as its host would and start it again with the same configuration."""
        self._end("hass")
        root, _, config = self._facts["config_dir"].partition("/srv/")
        script = (
            'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && '
            'exec chroot "$1" /opt/ha/bin/python -m homeassistant -c "$2" --skip-pip --log-no-color'
        )
        command = [
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            "sh",
            root,
            f"/srv/{config}",
        ]
        self._start("hass", command, Path(self._facts["hass_log"]))

    def _start(self, name: str, command: list[str], log: Path) -> None:
        environment = {**self._rig.CHROOT_ENV, "HA_DISABLE_LOG_FILE": "1"}
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
            )
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
