"""A whole story of the app under its AppArmor profile, then attacks; test_apparmor.py runs it in the guest.

The root of the app's real image runs in a container with s6, beside the real BlueZ with a virtual robot and a
real broker.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bumble.controller import Controller
from bumble.device import Device
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink
from ops.lab import apparmor
from ops.lab.broker import Ear, broker, ear
from ops.lab.container import Container, Spec
from tests.e2e.ble_story import HostController, adapter_on
from websockets.sync.client import connect

from bb8_core.simulator.bluetooth_robot import SimulatedBB8
from bb8_core.simulator.bumble_peripheral import BumblePeripheral

ADDON = Path(__file__).parents[2] / "addon"
ATTACKS = Path(__file__).with_name("apparmor_attacks.py")
NAME = "local_beep_boop_bb8"
PYTHON = f"{NAME}//python"
PAGE, TLS = 8099, 8883
"""Ports of the guest, whose network has nothing else."""
PATIENCE_S = 90.0
SCENE = "steps:\n  - colour: blue\n  - wait: 0.2\n"
ENVIRONMENT = {
    "PATH": "/command:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "VIRTUAL_ENV": "/opt/venv",
    "PYTHONUNBUFFERED": "1",
    "SUPERVISOR_TOKEN": "not-a-real-one",
    "TZ": "Europe/Rome",
}


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait until `true()` returns something true, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := true()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not seen: {what}")
        time.sleep(0.05)
    return found


class Story:
    """The app in its container, and what it is told."""

    def __init__(self, root: Path, work: Path, robot: SimulatedBB8, hears: Ear) -> None:
        self.robot, self.ear = robot, hears
        self.shared = {name: work / name for name in ("data", "ssl", "config", "layer")}
        for folder in self.shared.values():
            folder.mkdir(parents=True)
        scenes = self.shared["config"] / "scenes"
        scenes.mkdir()
        (scenes / "short.yaml").write_text(SCENE)
        (work / "hosts").write_text("127.0.0.1 localhost\n")
        (work / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        mounts = {f"/{name}": str(self.shared[name]) for name in ("data", "ssl", "config")}
        mounts |= {"/run/dbus": "/run/dbus", "/etc/hosts": str(work / "hosts")}
        mounts |= {"/etc/resolv.conf": str(work / "resolv.conf")}
        spec = Spec(str(root), str(self.shared["layer"]), NAME, ["/init"], ENVIRONMENT, mounts)
        self.app = Container(spec)
        self.numbers = iter(range(1000))

    def options(self, **chosen: Any) -> None:
        """Write the options as the Supervisor does before it starts the app."""
        always = {"mqtt_host": "localhost", "keep_connected": True, "log_level": "debug"}
        (self.shared["data"] / "options.json").write_text(json.dumps(always | chosen))

    def start(self) -> None:
        """Start the app and wait until it has the broker and the robot."""
        self.ear.newest.clear()
        self.app.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the app reports that it has the robot."""
        until(lambda: self.ear.newest.get("bb8/status") == b"online", "bb8/status online")
        until(lambda: (self.ear.json("bb8/status/connection") or {}).get("state") == "ready", "a ready robot")

    def obeyed(self, command: str, **body: Any) -> None:
        """Send a command and wait until the robot has confirmed it."""
        self.ear.obeyed(command, f"story-{next(self.numbers)}", body)

    def accepted(self, command: str) -> None:
        """Send a command that the app itself carries out, and wait until it has accepted it."""
        cid = f"story-{next(self.numbers)}"
        self.ear.tell(f"bb8/cmd/{command}", {"cid": cid})
        self.ear.until(lambda: self.ear.acks(command, cid), f"{command} accepted")

    def restarted(self, *command: str) -> None:
        """End the bridge by a command in the container, and wait until s6 has started it again."""
        before = self.ear.json("bb8/status/identity")
        self.ear.newest.clear()
        self.app.run(*command, profile=NAME)
        self.wait_until_ready()
        if before is None:
            raise AssertionError("the bridge had not reported its identity")

    def stop(self) -> None:
        """End the app as Docker does."""
        code = self.app.stop()
        if code != 0:
            raise AssertionError(f"the container ended with {code}")
        until(lambda: self.ear.newest.get("bb8/status") == b"offline", "bb8/status offline")


def use_everything(story: Story) -> None:
    """MQTT, robot, scene, page, health check and the latch of the emergency stop."""
    story.obeyed("drive", speed=60, heading=90, ms=300)
    story.obeyed("stop")
    story.obeyed("scene", name="short")
    open_page()
    drive_on_page(story.robot)
    story.obeyed("estop")
    story.accepted("clear_estop")
    check = re.search(r"HEALTHCHECK .* CMD \\\n\s*(\[.*\])", (ADDON / "Dockerfile").read_text())
    if check is None:
        raise AssertionError("the Dockerfile has no health check")
    shell, *words = json.loads(check[1])
    story.app.run("/usr/bin/env", shell, *words, profile=NAME)


def open_page() -> None:
    """Load the page and its parts as a browser does."""
    for path in ("/", *(f"/{file.name}" for file in (ADDON / "bb8_core/web/static").iterdir())):
        client = http.client.HTTPConnection("127.0.0.1", PAGE, timeout=PATIENCE_S)
        client.request("GET", path)
        answer = client.getresponse()
        if path == "/" and answer.status != 200:
            raise AssertionError(f"the page answers {answer.status}")
        answer.read()
        client.close()


def drive_on_page(robot: SimulatedBB8) -> None:
    """Hold the stick until the robot moves, and let go."""
    client = http.client.HTTPConnection("127.0.0.1", PAGE, timeout=PATIENCE_S)
    client.request("POST", "/api/ticket", headers={"X-Requested-With": "bb8"})
    ticket = json.load(client.getresponse())["ticket"]
    with connect(f"ws://127.0.0.1:{PAGE}/ws") as page:
        page.send(json.dumps({"op": "hello", "ticket": ticket}))

        def moves() -> bool:
            now = time.monotonic() * 1000
            page.send(json.dumps({"op": "hold", "grip": 0, "speed": 60, "heading": 0, "t": now}))
            return robot.motor.speed > 0

        until(moves, "a robot that is driven by the page")
        page.send(json.dumps({"op": "release"}))
        until(lambda: robot.motor.speed == 0, "a robot that stops when the page lets go")


def make_certificate(folder: Path) -> None:
    """A certificate for localhost that is its own authority."""
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "30"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem")]
    subprocess.run([*request, *names, *files], check=True, capture_output=True)


def attacks(story: Story) -> dict[str, Any]:
    """Attack from Python's profile and from that of s6, with every capability."""
    found = {}
    prepare = (
        "mkdir -p /addon_configs/other /root && echo secret >/addon_configs/other/secrets.yaml && "
        "echo secret >/config/secrets.yaml && printf '#!/bin/sh\\n' >/run/planted && chmod 755 /run/planted"
    )
    story.app.run("/bin/sh", "-c", prepare, profile="")
    victim = story.app.begin("/bin/sleep", "600", profile="")
    outer = until(lambda: unconfined(story.app, "sleep 600"), "the unconfined process")
    status = Path(f"/proc/{outer}/status").read_text()
    number = re.findall(r"^NSpid:.*\t(\d+)$", status, re.MULTILINE)[0]
    for profile in ("python", "s6"):
        source = ATTACKS.read_text()
        facts = (f"profile={profile}", f"victim={number}")
        if profile == "python":
            shell = 'exec /opt/venv/bin/python -c "$0" "$@"'
            command = ("/bin/sh", "-c", shell, source, *facts)
        else:
            command = ("/opt/venv/bin/python", "-c", source, *facts)
        log = apparmor.AuditLog()
        output = story.app.run(*command, profile=NAME, every_capability=True)
        denials = [(denial.profile, denial.comm, denial.text) for denial in log.denials()]
        found[profile] = {"outcomes": json.loads(output.splitlines()[-1]), "denials": denials}
    os.kill(outer, signal.SIGKILL)  # at its end s6 signals every process of the container
    victim.wait(PATIENCE_S)
    return found


def unconfined(app: Container, command: str) -> int:
    """The number of an unconfined process of the container, 0 if it is not there yet."""
    for process, label in app.labels().items():
        number, _, words = process.partition(" ")
        if words.endswith(command) and label == "unconfined":
            return int(number)
    return 0


def live(root: Path, robot: SimulatedBB8) -> dict[str, Any]:
    """Runs the story from start to end; returns what the kernel and the processes reported."""
    work = Path("/run/tmp/app")
    profile = apparmor.renamed((ADDON / "apparmor.txt").read_text(), NAME)
    apparmor.load(profile)
    log = apparmor.AuditLog()
    certificate = Path("/run/tmp/certificate")
    certificate.mkdir()
    make_certificate(certificate)
    listener = f"user root\nlistener {TLS} 127.0.0.1\n"
    settings = listener + f"certfile {certificate}/ca.pem\nkeyfile {certificate}/key.pem\n"
    with broker(settings) as own, ear(own.port) as hears:
        story = Story(root, work, robot, hears)
        (story.shared["ssl"] / "ca.pem").write_bytes((certificate / "ca.pem").read_bytes())
        try:
            story.options(mqtt_port=own.port)
            story.start()
            labels = story.app.labels()
            use_everything(story)
            story.restarted("/bin/sh", "-c", "s6-svc -r /run/service/ble_bridge")
            story.restarted("/bin/sh", "-c", "s6-svc -k /run/service/ble_bridge")
            story.stop()
            story.options(mqtt_port=TLS, mqtt_tls=True, mqtt_ca_file="/ssl/ca.pem", speed_cap=100)
            story.start()
            use_everything(story)
            calm = [denial.text for denial in log.denials()]
            apparmor.load(apparmor.logging_every_denial(profile))
            attacked = attacks(story)
            apparmor.load(profile)
            log.denials()
            story.obeyed("drive", speed=60, heading=90, ms=300)
            story.stop()
            calm += [denial.text for denial in log.denials()]
        finally:
            print("\n".join(story.app.lines))
            print("\n".join(denial.text for denial in log.denials()))
    return {"labels": labels, "calm": calm, "attacks": attacked}


async def main_story(root: Path) -> dict[str, Any]:
    """The robot on the air, and the story beside it."""
    robot = SimulatedBB8()
    async with await open_transport("vhci") as hci:
        air = LocalLink()  # type: ignore[no-untyped-call]
        HostController(False, host_source=hci.source, host_sink=hci.sink, link=air)
        controller = Controller(robot.address, link=air)
        host = Host(controller, AsyncPipeSink(controller))
        peripheral = BumblePeripheral(Device(address=Address(robot.address), host=host), robot)
        await peripheral.start()
        await adapter_on()
        result = await asyncio.to_thread(live, root, robot)
        await peripheral.stop()
    return result


def main() -> int:
    """Run as the arguments say (file of the result, the image's root), and leave the result as JSON."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(name)s %(message)s")
    began = time.monotonic()
    if not Path("/sys/kernel/security/apparmor").exists():
        Path(sys.argv[1]).write_text(json.dumps({"unavailable": "the kernel was built without AppArmor"}))
        return 0
    try:
        result = asyncio.run(asyncio.wait_for(main_story(Path(sys.argv[2])), 400))
    except BaseException:  # noqa: BLE001 - the guest has no other way to report
        result = {"error": traceback.format_exc()}
    result["seconds"] = round(time.monotonic() - began, 1)
    Path(sys.argv[1]).write_text(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
