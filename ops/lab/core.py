"""Runs a command beside a real Home Assistant Core and mosquitto: `python -m ops.lab.core COMMAND...`

All of it lives in a network namespace with loopback alone, because Core would otherwise announce itself on
every interface of this machine. BB8_CORE_JSON gives the command the places of the parts. The exit code is the
command's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ops.lab.broker import Broker
from ops.lab.core_client import Client
from ops.lab.core_root import ENVIRONMENT, VENV, core_root

from ha_sandbox.http_server import free_port

PATIENCE_S = 300.0
NO_CERTIFICATES = {"set_client_cert": False, "set_ca_cert": "off"}
USER = {"name": "Lab", "username": "lab", "password": "lab-and-nothing-else", "language": "en"}
CONFIGURATION = """\
homeassistant:
  name: Lab
  latitude: 0
  longitude: 0
  elevation: 0
  unit_system: metric
  currency: EUR
  country: NL
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
automation: !include automations.yaml
logger:
  default: warning
"""
STORAGE = {
    # Only the user is left to be made: the other steps would start flows that call the internet.
    "onboarding": (4, {"done": ["core_config", "analytics", "integration"]}),
    "core.network": (1, {"configured_adapters": ["lo"]}),
    "core.analytics": (1, {"onboarded": True, "preferences": {}, "uuid": None}),
}
START = (
    'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && '
    f'exec chroot "$1" {VENV}/bin/python -m homeassistant --config "$2" --skip-pip --log-no-color'
)


def until(true: Callable[[], Any], what: str) -> Any:
    """Poll until `true()` gives something true; what is not reachable yet counts as false."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if found := true():
                return found
        except (OSError, RuntimeError) as error:
            what = f"{what.partition(' (')[0]} ({error})"
        if time.monotonic() > deadline:
            raise TimeoutError(f"not seen: {what}")
        time.sleep(0.1)


def start_core(root: Path, config: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start Core on a config folder inside the tree; the mounts end with the process."""
    inside = "/" + str(config.relative_to(root))
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sh", str(root), inside]
    environment = {**ENVIRONMENT, "HA_DISABLE_LOG_FILE": "1"}
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )


def write_config(config: Path, port: int) -> None:
    """A config folder that is onboarded but for its user."""
    (config / ".storage").mkdir(parents=True)
    (config / "configuration.yaml").write_text(CONFIGURATION.format(port=port))
    (config / "automations.yaml").write_text("[]\n")
    for key, (version, data) in STORAGE.items():
        body = {"version": version, "minor_version": 1, "key": key, "data": data}
        (config / ".storage" / key).write_text(json.dumps(body))


def sign_in(base_url: str) -> Client:
    """Make the user as a browser would and return a client with a long-lived token."""
    client = Client(base_url)
    until(lambda: client.call("GET", "/api/onboarding"), "Home Assistant's onboarding")
    ours = {"client_id": f"{base_url}/"}
    code = client.call("POST", "/api/onboarding/users", {**ours, **USER})["auth_code"]
    grant = {**ours, "grant_type": "authorization_code", "code": code}
    client.token = client.call("POST", "/auth/token", form=grant)["access_token"]
    client.token = client.ask(type="auth/long_lived_access_token", client_name="lab", lifespan=30)
    until(lambda: client.call("GET", "/api/config")["state"] == "RUNNING", "a running Home Assistant")
    return client


def add_broker(client: Client, port: int) -> None:
    """Set the MQTT integration up through its own form, which tries the connection."""
    wishes = {"broker": "127.0.0.1", "port": port, "protocol": "5", **NO_CERTIFICATES}
    flows = "/api/config/config_entries/flow"
    form = client.call("POST", flows, {"handler": "mqtt", "show_advanced_options": False})
    done = client.call("POST", f"{flows}/{form['flow_id']}", _filled(form["data_schema"], wishes))
    if done["type"] != "create_entry":
        raise RuntimeError(f"the MQTT integration refuses: {done}")
    entries = "/api/config/config_entries/entry?domain=mqtt"
    until(lambda: client.call("GET", entries)[0]["state"] == "loaded", "the MQTT integration loaded")


def _filled(fields: list[dict[str, Any]], wishes: dict[str, Any]) -> dict[str, Any]:
    """What a user sends who fills in the wishes and leaves the rest; sections are sent even if untouched."""
    sent: dict[str, Any] = {}
    for field in fields:
        name = field["name"]
        if field.get("type") == "expandable":
            sent[name] = _filled(field["schema"], wishes)
        elif name in wishes:
            sent[name] = wishes[name]
        elif field.get("required") and "default" in field:
            sent[name] = field["default"]
    return sent


@contextmanager
def home(root: Path) -> Iterator[dict[str, Any]]:
    """Mosquitto and Home Assistant, running and acquainted; yields where they are."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-", dir=root / "srv")))
        broker = Broker(work, "user root\n")
        stack.callback(broker.stop)
        broker.start()
        port, log = free_port(), work / "core.log"
        write_config(work / "config", port)
        core = start_core(root, work / "config", log)
        stack.callback(end, core)
        base_url = f"http://127.0.0.1:{port}"
        try:
            client = sign_in(base_url)
            add_broker(client, broker.port)
        except (OSError, RuntimeError) as error:
            raise RuntimeError(f"{log.read_text(errors='replace')[-4000:]}\n{error}") from error
        yield {
            "base_url": base_url,
            "token": client.token,
            "root": str(root),
            "work": str(work),
            "mqtt_port": broker.port,
            "pids": {"core": core.pid, "mosquitto": broker.pid},
        }


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and insist after 40 s."""
    process.terminate()
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(command: list[str]) -> int:
    """Enter the namespace, start all, run the command; returns its exit code."""
    if os.environ.get("BB8_LAB_NAMESPACE") != "ours":
        core_root()  # with the network, which the namespace has not
        environment = {**os.environ, "BB8_LAB_NAMESPACE": "ours"}
        again = ["unshare", "--net", sys.executable, "-m", "ops.lab.core", *command]
        os.execvpe("unshare", again, environment)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with home(core_root()) as facts:
        environment = {**os.environ, "BB8_CORE_JSON": json.dumps(facts)}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
