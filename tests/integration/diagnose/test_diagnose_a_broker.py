"""The broker's part of a diagnosis against a real mosquitto, and the robot as the real app reports it."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.deploylab import Lab
from tests.integration.diagnose.conftest import look

from bb8deploy.lanes.diagnose.check_result import CheckLevel
from ha_sandbox.http_server import free_port

ADDON = Path(__file__).parents[3] / "addon"
DEADLINE = 60.0


@contextmanager
def mosquitto(folder: Path, lines: Sequence[str]) -> Iterator[int]:
    """A broker with these lines of configuration, on a free port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("SKIPPED: mosquitto is not installed")
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        "\n".join([f"listener {port} 127.0.0.1", "user root", "allow_anonymous true", *lines]) + "\n"
    )
    log = folder / "mosquitto.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "-v", "-c", str(config)], stdout=out, stderr=out)
    try:
        end = time.monotonic() + DEADLINE
        while b"running" not in log.read_bytes() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.kill()
        process.wait()


def only_broker(lab: Lab, port: int, **changes: str) -> dict[str, str]:
    """Settings that lead to this broker alone."""
    lab.environ = {}
    return {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(port), **changes}


@pytest.mark.parametrize("rule", ["topic read bb8/#", "topic write bb8/#", "topic readwrite other/#"])
def test_rights_that_are_missing_show_by_a_probe_that_does_not_come_back(
    lab: Lab, tmp_path: Path, rule: str
) -> None:
    (tmp_path / "acl").write_text(rule + "\n")
    with mosquitto(tmp_path, [f"acl_file {tmp_path / 'acl'}"]) as port:
        seen = look(lab, **only_broker(lab, port))
    assert seen.named("broker", "rights").code == "BROKER_ACL"
    assert seen.level("broker", "login") is CheckLevel.OK


def certificate(folder: Path) -> None:
    """A certificate of its own authority for 127.0.0.1."""
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bb8-test"]
    place = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    name = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *words, *place, *name], check=True, capture_output=True)


def test_a_broker_over_tls_is_trusted_by_its_authority_only(lab: Lab, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("SKIPPED: openssl is not installed")
    certificate(tmp_path)
    files = [f"certfile {tmp_path / 'cert.pem'}", f"keyfile {tmp_path / 'key.pem'}"]
    with mosquitto(tmp_path, files) as port:
        settings = only_broker(lab, port, MQTT_TLS="yes")
        trusted = look(lab, **settings, MQTT_CA_FILE=str(tmp_path / "cert.pem"))
        strange = look(lab, **settings)
        plain = look(lab, **{**settings, "MQTT_TLS": "no"}, HA_SSH_CONNECT_TIMEOUT="5")
    assert [trusted.level("broker", name) for name in ("reach", "tls", "login", "rights")] == [
        CheckLevel.OK
    ] * 4
    assert strange.named("broker", "tls").code == "BROKER_TLS"
    assert strange.level("broker", "reach") is CheckLevel.OK
    assert plain.named("broker", "reach").code == "BROKER_UNREACHABLE"


def test_leftovers_are_found_and_left_alone(lab: Lab, tmp_path: Path) -> None:
    with mosquitto(tmp_path, []) as port:
        settings = only_broker(lab, port)
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", port)
        client.loop_start()
        client.publish("bb8/cmd/drive", "{}", qos=1, retain=True).wait_for_publish(DEADLINE)
        first, second = look(lab, **settings), look(lab, **settings)
        client.disconnect()
        client.loop_stop()
    assert first.named("broker", "retained").code == "BROKER_LEFTOVERS"
    assert "bb8/cmd/drive" in first.named("broker", "retained").seen
    assert second.named("broker", "retained").seen == first.named("broker", "retained").seen


@pytest.fixture
def spoken(lab: Lab) -> Iterator[Callable[[str, Callable[[dict[str, object]], bool]], None]]:
    """Waits until a retained JSON message below bb8/status meets a condition."""
    heard: dict[str, dict[str, object]] = {}
    changed = threading.Condition()

    def hear(_c: paho.Client, _u: object, message: paho.MQTTMessage) -> None:
        with changed:
            if message.payload.startswith(b"{"):
                heard[message.topic] = json.loads(message.payload)
            changed.notify_all()

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(lab.environ["MQTT_USERNAME"], lab.environ["MQTT_PASSWORD"])
    client.on_message = hear
    client.connect("127.0.0.1", int(lab.environ["MQTT_PORT"]))
    client.subscribe("bb8/status/#", 1)
    client.loop_start()

    def wait(topic: str, holds: Callable[[dict[str, object]], bool]) -> None:
        with changed:
            assert changed.wait_for(lambda: topic in heard and holds(heard[topic]), DEADLINE), heard

    yield wait
    client.disconnect()
    client.loop_stop()


def test_the_robot_is_found_through_the_real_add_on(
    lab: Lab, spoken: Callable[[str, Callable[[dict[str, object]], bool]], None]
) -> None:
    lab.box.install(ADDON, {"simulate": True, "keep_connected": True})
    spoken("bb8/status/connection", lambda body: body["state"] == "ready")
    spoken("bb8/status/telemetry", lambda body: body["battery_state"] is not None)
    seen = look(lab)
    levels = {c.name: c.level for c in seen.diagnosis.checks if c.subject == "robot"}
    assert levels == dict.fromkeys(("bridge", "adapter", "holder", "heard", "battery"), CheckLevel.OK)
    assert "by ping" in seen.named("robot", "heard").seen
    assert seen.level("broker", "retained") is CheckLevel.OK
    assert seen.level("app", "state") is CheckLevel.OK
    assert seen.warned()["app/identity"] == "IDENTITY_MISSING"  # it was copied by hand, without a stamp
