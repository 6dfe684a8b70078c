"""The whole program as a process: first lines, discovery, commands, healing, and a clean end."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from tests.addon.conftest import Mosquitto, free_port

from bb8_core import build_identity as identities
from bb8_core.app import App
from bb8_core.app_options import Options
from bb8_core.bridge.request_dispatch import Bridge
from bb8_core.bridge.stop_commands import Stopping
from bb8_core.mqtt.broker_client import Message
from bb8_core.mqtt.broker_credentials import Broker
from bb8_core.requests.payload_parsing import Estop, Stop
from bb8_core.requests.thread_inbox import BROKER_QUEUE

pytestmark = pytest.mark.needs_mosquitto
ADDON = Path(__file__).parents[2] / "addon"
PATIENCE_S = 60.0


class Ear:
    """Hears everything on the broker and remembers the newest of each topic."""

    def __init__(self, port: int) -> None:
        self.latest: dict[str, str] = {}
        self.log: list[tuple[str, str]] = []
        self._news: queue.Queue[None] = queue.Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        ready = threading.Event()
        self.client.username_pw_set("ear")
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda c, *_: c.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = self._heard
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert ready.wait(PATIENCE_S)

    def _heard(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        self.log.append((message.topic, message.payload.decode()))
        self.latest[message.topic] = message.payload.decode()
        self._news.put(None)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not heard; the last were {self.log[-10:]}"
            try:
                self._news.get(timeout=min(left, 1.0))
            except queue.Empty:
                continue

    def json(self, topic: str) -> dict[str, Any]:
        return dict(json.loads(self.latest.get(topic, "{}")))

    def tell(self, topic: str, payload: str) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)

    def acked(self, cmd: str, cid: str, status: str) -> bool:
        want = f"bb8/ack/{cmd}"
        bodies = [json.loads(payload) for topic, payload in self.log if topic == want]
        return any(body["cid"] == cid and body["status"] == status for body in bodies)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def ear(broker: Mosquitto) -> Iterator[Ear]:
    made = Ear(broker.port)
    yield made
    made.close()


@pytest.fixture
def program(tmp_path: Path, broker: Mosquitto) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(page: int = 0, **options: Any) -> subprocess.Popen[bytes]:
        file = tmp_path / "options.json"
        file.write_text(
            json.dumps({"simulate": True, "mqtt_host": "127.0.0.1", "mqtt_port": broker.port, **options})
        )
        run_sh = tmp_path / "run.sh"
        run_sh.write_text("#!/bin/sh\n")
        run_sh.chmod(0o755)
        stamp = tmp_path / "build_stamp.json"
        stamp.write_text(json.dumps({"version": "1.2.3", "tree": "f" * 64, "commit": "c" * 40, "run": "r7"}))
        environ = os.environ | {
            "BB8_OPTIONS": str(file),
            "BB8_DATA": str(tmp_path / "data"),
            "BB8_STAMP": str(stamp),
            "BB8_RUN_SH": str(run_sh),
            "BB8_PAGE_PORT": str(page),
            "PYTHONPATH": os.pathsep.join([str(ADDON), os.environ.get("PYTHONPATH", "")]),
        }
        with (tmp_path / "bridge.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bb8_core.main"], env=environ, stdout=log, stderr=log
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def ask(port: int, method: str, path: str) -> bytes:
    """A request to the status page."""
    url = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(url, method=method, headers={"X-Requested-With": "bb8"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
        return bytes(reply.read())


def lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "bridge.log").read_text().splitlines()


def told_at_the_end(tmp_path: Path) -> list[str]:
    """What the log says from the signal to stop on."""
    told = lines(tmp_path)
    return told[next(number for number, line in enumerate(told) if line.endswith("stopping")) :]


def test_a_configured_robot_is_announced_before_it_was_ever_met(
    ear: Ear, program: Callable[..., subprocess.Popen[bytes]]
) -> None:
    program(simulate=False, robot_address="C9:00:00:00:B5:4A")
    ear.until(lambda: any(topic.startswith("homeassistant/device/") for topic in ear.latest))
    ear.until(lambda: bool(ear.json("bb8/status/connection").get("reason")))
    ear.until(lambda: ear.latest.get("bb8/status/robot") == "offline")


def test_it_reports_its_identity_drives_the_robot_heals_and_ends_cleanly(
    tmp_path: Path, broker: Mosquitto, ear: Ear, program: Callable[..., subprocess.Popen[bytes]]
) -> None:
    page = free_port()
    process = program(page)
    ear.until(lambda: ear.latest.get("bb8/status") == "online")
    first, second = lines(tmp_path)[:2]
    assert first.startswith(f"IDENTITY version=1.2.3 tree={'f' * 64} commit={'c' * 40} run=r7 python=3.")
    assert second == "RUN_SH_PRESENT"
    assert ear.json("bb8/status/identity")["tree"] == "f" * 64

    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.until(lambda: any("a connection of their own" in line for line in lines(tmp_path)))
    ear.until(lambda: "homeassistant/device/bb8_c9000000b54a/config" in ear.latest)
    ear.tell("bb8/cmd/drive", '{"speed":80,"heading":45,"ms":300,"cid":"d"}')
    ear.until(lambda: ear.acked("drive", "d", "confirmed"))
    ear.until(
        lambda: ear.json("bb8/state/motion") == {"moving": False, "speed": 0, "heading": 45, "macro": ""}
    )
    ear.tell("bb8/cmd/led", '{"r":10,"g":20,"b":30,"cid":"l"}')
    ear.until(lambda: ear.acked("led", "l", "confirmed"))
    ear.tell("bb8/ble_ready/cmd", '{"nonce":"n1"}')
    ear.until(lambda: ear.json("bb8/ble_ready/summary").get("nonce") == "n1")
    assert ear.json("bb8/ble_ready/summary")["source"] == "ping"
    ear.tell("bb8/cmd/drive", "\x00garbage")
    ear.until(lambda: ear.json("bb8/ack/drive").get("code") == "BAD_JSON")

    status = json.loads(ask(page, "GET", "/api/status"))
    assert (status["version"], status["estop"]) == ("1.2.3", False)
    assert status["connection"]["state"] == "ready"
    assert status["commands"][0]["name"] == "led"
    assert json.loads(ask(page, "POST", "/api/stop")) == {"ok": True}

    broker.stop()
    broker.start()
    ear.latest.clear()
    ear.until(lambda: ear.latest.get("bb8/status") == "online" and "bb8/state/led" in ear.latest)
    ear.tell("bb8/cmd/ping", '{"cid":"p"}')
    ear.until(lambda: ear.acked("ping", "p", "confirmed"))

    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    ear.until(lambda: ear.latest.get("bb8/status") == "offline")
    assert not [line for line in lines(tmp_path) if "Traceback" in line or " ERROR " in line]
    assert not [line for line in told_at_the_end(tmp_path) if " WARNING " in line]


def test_a_killed_bridge_is_offline_by_its_last_will_and_keeps_its_estop(
    tmp_path: Path, ear: Ear, program: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = program()
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.tell("bb8/cmd/estop", '{"cid":"e"}')
    ear.until(lambda: ear.acked("estop", "e", "confirmed"))
    ear.until((tmp_path / "data" / "estop.json").exists)
    process.kill()
    process.wait()
    ear.until(lambda: ear.latest.get("bb8/status") == "offline")
    ear.latest.clear()
    program()
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.tell("bb8/cmd/drive", '{"speed":80,"heading":45,"ms":300,"cid":"again"}')
    ear.until(lambda: ear.acked("drive", "again", "rejected"))
    assert ear.json("bb8/ack/drive")["code"] == "ESTOP"


def test_what_stays_on_the_broker_beside_offline_is_true_though_it_ended_during_a_drive(
    ear: Ear, program: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = program()
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.tell("bb8/cmd/drive", '{"speed":80,"heading":45,"ms":2000,"cid":"d"}')
    ear.until(lambda: ear.json("bb8/state/motion").get("moving") is True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    ear.until(lambda: ear.latest.get("bb8/status") == "offline")
    assert ear.json("bb8/state/motion")["moving"] is False
    assert ear.json("bb8/status/connection")["state"] == "released"
    assert ear.log[-1] == ("bb8/status", "offline")


def test_a_broker_that_takes_both_connections_for_one_keeps_the_first(
    tmp_path: Path, broker: Mosquitto, program: Callable[..., subprocess.Popen[bytes]]
) -> None:
    broker.stop()
    broker.settings += "use_username_as_clientid true\n"
    broker.start()
    ear = Ear(broker.port)
    program(mqtt_username="bb8", mqtt_password="rolling")
    ear.until(lambda: any("use_username_as_clientid" in line for line in lines(tmp_path)))
    ear.until(lambda: sum(line.endswith("broker connected") for line in lines(tmp_path)) == 2)
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.until(lambda: ear.latest.get("bb8/status") == "online")
    ear.tell("bb8/cmd/stop", '{"cid":"s"}')
    ear.until(lambda: ear.acked("stop", "s", "confirmed"))
    ear.close()


async def test_the_second_connection_carries_stops_alone_and_whatever_the_first_brings_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BB8_DATA", str(tmp_path))
    stops: list[Stop | Estop] = []
    rushes: list[bool] = []
    monkeypatch.setattr(Bridge, "stop_silently", lambda _self, stop, _at: stops.append(stop))
    monkeypatch.setattr(Stopping, "rushed", lambda _self: rushes.append(True))
    app = App(Options(simulate=True), identities.load(tmp_path / "none"))
    second = app.connections.second_client(Broker("127.0.0.1", 1))
    assert second._subscriptions == ("bb8/cmd/stop", "bb8/cmd/estop")
    for cmd in ("stop", "estop", "drive"):
        app.connections.stop_message(Message(f"bb8/cmd/{cmd}", b"{}"))
    for _ in range(BROKER_QUEUE):
        app.connections.message(Message("elsewhere", b""))
    await asyncio.sleep(0)
    assert stops == [Stop(), Estop()]
    assert rushes == [True]


def test_without_any_broker_it_runs_and_reports_where_to_click(
    tmp_path: Path, program: Callable[..., subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUPERVISOR_TOKEN", raising=False)
    process = program(mqtt_host="")
    deadline = time.monotonic() + PATIENCE_S
    while not any("mqtt_host" in line and "Configuration" in line for line in lines(tmp_path)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("seconds", [1, 3])
def test_what_waited_while_the_process_stood_still_is_not_obeyed(
    ear: Ear, program: Callable[..., subprocess.Popen[bytes]], seconds: int
) -> None:
    process = program(keep_connected=True)
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    process.send_signal(signal.SIGSTOP)
    ear.tell("bb8/cmd/drive", '{"speed":80,"heading":45,"ms":300,"cid":"frozen"}')
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)
    ear.until(lambda: ear.acked("drive", "frozen", "rejected"))
    assert ear.json("bb8/ack/drive")["code"] == "STALE"
    ear.tell("bb8/cmd/stop", '{"cid":"s"}')
    ear.until(lambda: ear.acked("stop", "s", "confirmed"))
    assert not any(json.loads(body)["moving"] for topic, body in ear.log if topic == "bb8/state/motion")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_emergency_stop_whose_file_was_lost_is_restored_from_the_broker(
    tmp_path: Path, ear: Ear, program: Callable[..., subprocess.Popen[bytes]], protocol: str
) -> None:
    process = program(mqtt_protocol=protocol)
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.tell("bb8/cmd/estop", '{"cid":"e"}')
    ear.until(lambda: ear.acked("estop", "e", "confirmed"))
    ear.until(lambda: ear.json("bb8/state/estop") == {"state": "ON"})
    process.kill()
    process.wait()
    (tmp_path / "data" / "estop.json").unlink()
    program(mqtt_protocol=protocol)
    ear.until(lambda: any("the broker remembers" in line for line in lines(tmp_path)))
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.tell("bb8/cmd/drive", '{"speed":80,"heading":45,"ms":300,"cid":"again"}')
    ear.until(lambda: ear.acked("drive", "again", "rejected"))
    assert ear.json("bb8/ack/drive")["code"] == "ESTOP"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("cmd", ["stop", "estop"])
def test_a_stop_that_was_sent_to_be_retained_is_obeyed_with_both_protocols(
    ear: Ear, program: Callable[..., subprocess.Popen[bytes]], protocol: str, cmd: str
) -> None:
    program(mqtt_protocol=protocol, keep_connected=True)
    ear.until(lambda: ear.json("bb8/status/connection").get("state") == "ready")
    ear.tell("bb8/cmd/drive", '{"speed":80,"heading":45,"ms":2000,"cid":"d"}')
    ear.until(lambda: ear.acked("drive", "d", "confirmed"))
    ear.client.publish(f"bb8/cmd/{cmd}", '{"cid":"s"}', qos=0, retain=True).wait_for_publish(PATIENCE_S)
    ear.until(lambda: ear.acked(cmd, "s", "confirmed"))
    ear.until(lambda: ear.json("bb8/state/motion").get("moving") is False)


LATER = (
    "simulator",
    "guard.guard_process",
    "guard.dbus_client",
    "echo_responder",
    "echo_trips",
    "robot.macro_encoding",
)
"""Own modules that this process never imports, and the robot that only the option `simulate` needs."""


def test_its_own_code_is_loaded_before_it_reports_its_identity_and_libraries_follow() -> None:
    """A broken module must not be reported as running; a library cannot change without a build."""
    look = (
        "import pkgutil, sys, bb8_core, bb8_core.main as main\n"
        "own = {m.name for m in pkgutil.walk_packages(bb8_core.__path__, 'bb8_core.') if not m.ispkg}\n"
        "print(sorted(own - set(sys.modules)))\n"
        "print(sorted(name for name in (*main.LIBRARIES, 'dbus_fast') if name in sys.modules))\n"
        "main.load_libraries(main.Options())\n"
        "assert 'aioesphomeapi' not in sys.modules\n"
        "before = set(sys.modules)\n"
        "import bb8_core.simulator.bleak_backend\n"
        "print(sorted(n for n in set(sys.modules) - before if not n.startswith('bb8_core')))\n"
    )
    environ = os.environ | {"PYTHONPATH": str(ADDON)}
    done = subprocess.run([sys.executable, "-c", look], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    missing, early, late = (json.loads(line.replace("'", '"')) for line in done.stdout.splitlines())
    assert [one for one in missing if not one.removeprefix("bb8_core.").startswith(LATER)] == []
    assert (early, late) == ([], [])
