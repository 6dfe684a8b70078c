"""The real image: built on an Alpine and a Debian base, run under s6 with a simulated robot, stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ops.lab.broker import Broker, Ear, broker, ear
from ops.lab.engine import Engine
from ops.lab.errors import LabUnavailable
from tests.e2e import app_image
from tests.e2e.app_image import BASES, STAMP, VERSION

from ha_sandbox.http_server import free_port

STOP_WITHIN_S = 5.0


@dataclass
class Running:
    """A started app: its container, broker and an ear there."""

    docker: Engine
    name: str
    ear: Ear
    stamped: bool

    def log(self) -> list[str]:
        return self.docker.docker("logs", self.name).splitlines()


@pytest.fixture(scope="module", params=list(BASES))
def image(request: pytest.FixtureRequest, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The app's image on each base; the Alpine one carries the stamp of a deploy."""
    try:
        return app_image.build(docker, str(request.param), tmp_path_factory.mktemp(str(request.param)))
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Broker]:
    try:
        with broker() as own:
            yield own
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")


@pytest.fixture
def addon(docker: Engine, image: str, own_broker: Broker, tmp_path: Path) -> Iterator[Running]:
    options = {
        "mqtt_host": "127.0.0.1",
        "mqtt_port": own_broker.port,
        "simulate": True,
    }
    (tmp_path / "options.json").write_text(json.dumps(options))
    name = f"{image}-{time.time_ns()}"
    with ear(own_broker.port) as own_ear:
        page = f"BB8_PAGE_PORT={free_port()}"
        volume = f"{tmp_path}:/data"
        docker.docker("run", "--detach", "--network=host", f"--name={name}", "-e", page, "-v", volume, image)
        running = Running(docker, name, own_ear, "alpine" in image)
        try:
            yield running
        finally:
            print("\n".join(running.log()))
            docker.docker("rm", "--force", name, check=False)


def test_the_container_reports_its_identity_obeys_echoes_and_stops_cleanly(addon: Running) -> None:
    """One story on purpose: a start costs more than all the looking."""
    says_who_it_is(addon)
    announces_itself_and_obeys(addon)
    echoes_with_a_real_ping(addon)
    has_what_the_deploy_looks_for(addon)
    stops_cleanly(addon)


def says_who_it_is(addon: Running) -> None:
    addon.ear.until(lambda: addon.ear.newest.get("bb8/status") == b"online", "bb8/status online")
    tree = STAMP["tree"] if addon.stamped else "unknown"
    identity = addon.ear.json("bb8/status/identity")
    assert (identity["version"], identity["tree"]) == (VERSION, tree)
    lines = addon.log()
    assert [line for line in lines if line.startswith(f"IDENTITY version={VERSION} tree={tree} ")]
    assert "RUN_SH_PRESENT" in lines


def announces_itself_and_obeys(addon: Running) -> None:
    def discovered() -> list[str]:
        return [topic for topic in addon.ear.newest if topic.startswith("homeassistant/device/")]

    config = addon.ear.json(addon.ear.until(discovered, "the discovery message")[0])
    assert config["origin"]["name"]
    assert config["components"]
    addon.ear.until(
        lambda: (addon.ear.json("bb8/status/connection") or {}).get("state") == "ready", "a ready robot"
    )
    drive = addon.ear.obeyed("drive", "e2e-drive", {"speed": 40, "heading": 90, "ms": 200})
    assert drive["rtt_ms"] > 0
    addon.ear.obeyed("stop", "e2e-stop", {})


def echoes_with_a_real_ping(addon: Running) -> None:
    addon.ear.until(lambda: "bb8/echo/owner" in addon.ear.newest, "the echo responder")
    addon.ear.tell("bb8/echo/cmd", {"value": "hello", "cid": "e2e-echo"})
    addon.ear.until(lambda: "bb8/echo/ack" in addon.ear.newest, "the echo")
    assert addon.ear.json("bb8/echo/ack")["cid"] == "e2e-echo"
    addon.ear.until(lambda: "bb8/telemetry/echo_roundtrip" in addon.ear.newest, "the measured trip")
    trip = addon.ear.json("bb8/telemetry/echo_roundtrip")
    assert trip["ble_ok"] is True
    assert trip["ble_latency_ms"] > 0


def has_what_the_deploy_looks_for(addon: Running) -> None:
    inside = ("exec", addon.name)
    addon.docker.docker(*inside, "bash", "-c", "test -x /usr/src/app/run.sh")
    assert "3." in addon.docker.docker(
        *inside, "/opt/venv/bin/python", "-c", "import bb8_core, sys; print(sys.version)"
    )
    check = addon.docker.docker("inspect", "-f", "{{json .Config.Healthcheck.Test}}", addon.name)
    addon.docker.docker(*inside, *json.loads(check)[1:])


def stops_cleanly(addon: Running) -> None:
    began = time.monotonic()
    addon.docker.docker("stop", "--time=30", addon.name)
    took = time.monotonic() - began
    addon.ear.until(lambda: addon.ear.newest.get("bb8/status") == b"offline", "bb8/status offline")
    state = json.loads(addon.docker.docker("inspect", "-f", "{{json .State}}", addon.name))
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    assert took <= STOP_WITHIN_S
    bad = [line for line in addon.log() if " ERROR " in line or "Traceback" in line]
    assert bad == []


def test_a_service_that_is_switched_off_stays_off_without_restarting(
    docker: Engine, image: str, own_broker: Broker, tmp_path: Path
) -> None:
    options = {"mqtt_host": "127.0.0.1", "mqtt_port": own_broker.port, "simulate": True, "enable_echo": False}
    (tmp_path / "options.json").write_text(json.dumps(options))
    name = f"{image}-off-{time.time_ns()}"
    volume, page = f"{tmp_path}:/data", f"BB8_PAGE_PORT={free_port()}"
    with ear(own_broker.port) as own_ear:
        docker.docker("run", "--detach", "--network=host", f"--name={name}", "-e", page, "-v", volume, image)
        try:
            own_ear.until(lambda: own_ear.newest.get("bb8/status") == b"online", "bb8/status online")
            docker.docker("exec", name, "s6-svstat", "/run/service/echo_responder")
            assert docker.docker("logs", name).count("echo responder: off") == 1
            assert "bb8_core.echo_responder" not in docker.docker("top", name, "-o", "pid,args")
        finally:
            docker.docker("rm", "--force", name, check=False)
