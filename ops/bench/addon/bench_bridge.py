"""Measures the bridge: MQTT command to robot write, stops under load, memory, idle CPU, start-up, healing.

Run from the repository's root: `python ops/bench/addon/bench_bridge.py`. It starts a mosquitto of its own on
loopback, writes reports/bench/bridge.json and exits 1 if a figure misses its limit. Times come from
CLOCK_MONOTONIC, which the publishing process and the bridge share.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "addon"), str(ROOT)]

import paho.mqtt.client as paho  # noqa: E402
from ops.bench.parts.addon_desk import NODELAY, cpu_s, percentile, program, report, rss_mb, wait_for, watch  # noqa: E402
from ops.lab.broker import broker  # noqa: E402

LIMITS: dict[str, tuple[str, float]] = {
    "command_to_write_ms_p95": ("<=", 10.0),
    "newest_drive_to_write_ms_p99": ("<=", 60.0),
    "stop_to_write_ms_p99": ("<=", 20.0),
    "rss_mb": ("<=", 60.0),
    "rss_simulate_mb": ("<=", 60.0),
    "idle_cpu_percent": ("<=", 0.5),
    "start_to_ready_s": ("<=", 1.5),
    "losses_healed": (">=", 1000.0),
    "rss_growth_percent_1000_losses": ("<", 5.0),
    "broker_gone_gap_s_min": (">=", 1.0),
    "broker_gone_gap_s_max": ("<=", 5.2),
    "broker_gone_cpu_percent": ("<", 1.0),
}
SPACING_MS = 50
BRIDGE = "bb8_core.main"
ROLL, LED = (0x02, 0x30), (0x02, 0x20)


# The publishing process


def publish(port: int, plan: list[tuple[float, str, str]]) -> None:
    """Publish each (pause before, topic, payload) and print when each was handed to the socket."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_socket_open = lambda _c, _u, s: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    up = threading.Event()
    client.on_connect = lambda *_: up.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    up.wait(60)
    times = []
    for pause, topic, payload in plan:
        time.sleep(pause)
        times.append(time.monotonic())
        client.publish(topic, payload)
    time.sleep(0.5)
    client.disconnect()
    client.loop_stop()
    sys.stdout.write(json.dumps(times))


def published(port: int, plan: list[tuple[float, str, str]]) -> list[float]:
    """Run `publish` in a process of its own; returns its times."""
    argv = [sys.executable, __file__, "--publish", str(port)]
    done = subprocess.run(argv, input=json.dumps(plan), capture_output=True, text=True, check=True)
    return [float(value) for value in json.loads(done.stdout)]


# The bridge in this process, on a simulated robot


class Subject:
    """The whole program but its entry point, in a thread, with the robot's log within reach."""

    def __init__(self, port: int, folder: Path) -> None:
        from bb8_core.simulator.bluetooth_robot import SimulatedBB8

        os.environ["BB8_DATA"] = str(folder)
        os.environ["BB8_PAGE_PORT"] = "0"
        self.robot = SimulatedBB8()
        self._port = port
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.app: Any = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        from bb8_core import app, build_identity
        from bb8_core.app_options import Options
        from bb8_core.radio.advertisement_match import Target
        from bb8_core.radio.bleak_radio import Backends, BleakRadio
        from bb8_core.simulator.bleak_backend import backends

        simulated = backends(self.robot)
        app._radio = lambda *_: BleakRadio(Target(), "", Backends(simulated.client, simulated.scanner))  # noqa: SLF001
        options = Options(
            simulate=True,
            mqtt_host="127.0.0.1",
            mqtt_port=self._port,
            keep_connected=True,
            min_spacing_ms=SPACING_MS,
        )
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.app = app.App(options, build_identity.load(Path("/nonexistent")))
        await self.app.run(self._stopping)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: self.app is not None and self.app.link.ready and self.app.connections.connected)
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(60)

    def writes(self, since: float) -> list[tuple[float, tuple[int, int], bytes]]:
        """Time, command and data of everything written to the robot since then."""
        log = [entry for entry in list(self.robot.log) if entry[0] >= since]
        return [(at, (frame[2], frame[3]), bytes(frame[6:-1])) for at, frame in log]


def command_to_write(subject: Subject, port: int) -> dict[str, float]:
    """Colours, each alone: from the publish call to the robot's characteristic."""
    count = 300
    plan = [
        (0.07, "bb8/cmd/led", json.dumps({"r": n >> 8, "g": n & 255, "b": 1})) for n in range(1, count + 1)
    ]
    since = time.monotonic()
    sent = published(port, plan)
    seen = {data[0] << 8 | data[1]: at for at, key, data in subject.writes(since) if key == LED}
    delays = [(seen[n] - at) * 1000 for n, at in enumerate(sent, 1) if n in seen]
    if len(delays) < count * 0.98:
        raise SystemExit(f"only {len(delays)} of {count} colours reached the robot")
    return {
        "command_to_write_ms_p50": statistics.median(delays),
        "command_to_write_ms_p95": percentile(delays, 95),
    }


def newest_drive(subject: Subject, port: int) -> dict[str, float]:
    """100 drives a second: how long until this one, or a newer one, is written."""
    count = 350
    plan = [(0.01, "bb8/cmd/drive", json.dumps({"speed": 50, "heading": n, "ms": 500})) for n in range(count)]
    since = time.monotonic()
    sent = published(port, plan)
    rolls = [
        (at, int.from_bytes(data[1:3], "big"))
        for at, key, data in subject.writes(since)
        if key == ROLL and data[0]
    ]
    delays = []
    for n, at in enumerate(sent):
        later = [when for when, heading in rolls if heading >= n and when >= at]
        if later:
            delays.append((later[0] - at) * 1000)
    return {
        "newest_drive_to_write_ms_p99": percentile(delays, 99),
        "newest_drive_to_write_ms_max": max(delays),
        "drives_written": float(len(rolls)),
        "drives_published": float(count),
    }


def stop_under_load(subject: Subject, port: int) -> dict[str, float]:
    """Every lane full all the time, and a stop now and then: from its publish call to its write."""
    plan: list[tuple[float, str, str]] = []
    stops: list[int] = []
    for round_number in range(150):
        plan += [(0.0, "bb8/cmd/heading", '{"heading":0}')] * 8
        plan += [(0.0, "bb8/cmd/led", json.dumps({"r": n, "g": 1, "b": 1})) for n in range(3)]
        plan += [(0.0, "bb8/cmd/tail", '{"brightness":9}')]
        plan += [(0.01, "bb8/cmd/drive", json.dumps({"speed": 60, "heading": round_number, "ms": 900}))] * 6
        stops.append(len(plan))
        plan += [(0.004, "bb8/cmd/stop", "{}")]
    since = time.monotonic()
    sent = published(port, plan)
    wire = [at for at, key, data in subject.writes(since) if key == ROLL and data[0] == 0 and data[3] == 0]
    delays = [(next(at for at in wire if at >= sent[n]) - sent[n]) * 1000 for n in stops]
    return {
        "stop_to_write_ms_p50": statistics.median(delays),
        "stop_to_write_ms_p99": percentile(delays, 99),
        "stop_to_write_ms_max": max(delays),
    }


# The program as a process of its own


def start_and_idle(port: int, folder: Path, idle_s: float = 20.0) -> dict[str, float]:
    """Start without a robot until online, five times; then memory and CPU of an idle one."""
    starts = []
    for _ in range(5):
        online = threading.Event()
        base = f"b{time.monotonic_ns()}"
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.on_message = lambda _c, _u, m, event=online: event.set() if m.payload == b"online" else None
        client.on_connect = lambda c, *_, topic=base: c.subscribe(f"{topic}/status")
        client.connect("127.0.0.1", port)
        client.loop_start()
        time.sleep(0.3)
        began = time.monotonic()
        with program(BRIDGE, folder, mqtt_host="127.0.0.1", mqtt_port=port, base_topic=base):
            online.wait(60)
            starts.append(time.monotonic() - began)
        client.disconnect()
        client.loop_stop()
    with program(BRIDGE, folder, mqtt_host="127.0.0.1", mqtt_port=port, base_topic="idle") as absent:
        idle_cpu, rss = watch(absent, idle_s)
    options = {"simulate": True, "keep_connected": True, "base_topic": "sim"}
    with program(BRIDGE, folder, mqtt_host="127.0.0.1", mqtt_port=port, **options) as kept:
        kept_cpu, kept_rss = watch(kept, idle_s)
    return {
        "start_to_ready_s": statistics.median(starts),
        "start_to_ready_s_max": max(starts),
        "rss_mb": rss,
        "idle_cpu_percent": idle_cpu,
        "rss_simulate_mb": kept_rss,
        "idle_cpu_simulate_percent": kept_cpu,
    }


def broker_gone(folder: Path, seconds: float) -> dict[str, float]:
    """A broker that hangs up on every attempt: how far apart they are, and what it costs."""
    attempts: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        with program(BRIDGE, folder, mqtt_host="127.0.0.1", mqtt_port=port) as process:
            time.sleep(2)
            before, began = cpu_s(process.pid), time.monotonic()
            while time.monotonic() - began < seconds:
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue
                attempts.append(time.monotonic())
            used = (cpu_s(process.pid) - before) / seconds * 100
    gaps = [b - a for a, b in itertools.pairwise(attempts[1:])]
    return {
        "broker_gone_gap_s_min": round(min(gaps), 2),
        "broker_gone_gap_s_max": max(gaps),
        "broker_gone_cpu_percent": used,
    }


def losses(folder: Path) -> dict[str, float]:
    """1,000 link losses on a clock that jumps, and what they leave in memory."""
    from tests.addon.rig import Rig
    from tests.addon.virtual import run_virtually

    async def story() -> tuple[int, float, float]:
        rig = Rig(folder)
        await rig.until_ready()
        before = 0.0
        for count in range(1, 1101):
            rig.air.drop_link(rig.robot)
            await rig.until(lambda n=count: rig.link.connections > n and rig.link.ready)
            rig.robot.log.clear()
            for told in (rig.ears.history, rig.ears.acks, rig.ears.events, rig.ears.robots):
                told.clear()
            if count == 100:
                before = rss_mb()
        healed = rig.link.connections - 101
        await rig.close()
        return healed, before, rss_mb()

    healed, before, after = run_virtually(story())
    return {"losses_healed": float(healed), "rss_growth_percent_1000_losses": (after / before - 1) * 100}


def main() -> int:
    """Measure everything; returns the exit code."""
    logging.disable(logging.CRITICAL)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures |= losses(folder)
        with broker(NODELAY) as own:
            with Subject(own.port, folder / "data") as subject:
                figures |= command_to_write(subject, own.port)
                figures |= newest_drive(subject, own.port)
                figures |= stop_under_load(subject, own.port)
            figures |= start_and_idle(own.port, folder)
        figures |= broker_gone(folder, float(os.environ.get("BENCH_BROKER_GONE_S", "60")))
    conditions = "mosquitto with set_tcp_nodelay, QoS 0, clients with TCP_NODELAY, simulated robot"
    return report("bridge", figures, LIMITS, conditions)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--publish"]:
        publish(int(sys.argv[2]), json.load(sys.stdin))
    else:
        sys.exit(main())
