"""Logs in to real brokers: with TLS by an authority of our own, and under an access list."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bb8deploy.base.errors import Refused, Unreachable, UsageError
from bb8deploy.transport.mqtt import Address, BrokerLink
from ha_sandbox.http_server import free_port

Start = Callable[..., int]
PLUGIN = "mosquitto_dynamic_security.so"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Start]:
    """Starts a mosquitto with these lines in its configuration; gives its port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if not program:
        pytest.skip("mosquitto is not installed")
    processes: list[subprocess.Popen[bytes]] = []

    def start(*lines: str) -> int:
        port, config = free_port(), tmp_path / "mosquitto.conf"
        head = (f"listener {port} 127.0.0.1", "allow_anonymous true", "persistence false", "user root")
        config.write_text("\n".join((*head, *lines)) + "\n")
        processes.append(subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL))
        return port

    yield start
    for process in processes:
        process.terminate()
        process.wait(60)


def link(port: int, **how: object) -> BrokerLink:
    return BrokerLink(Address("127.0.0.1", port, **how), lambda *_: None)  # type: ignore[arg-type]


def opened(port: int, **how: object) -> BrokerLink:
    """A link to a broker that may still be starting."""
    end = time.monotonic() + 60
    while True:
        try:
            return link(port, **how).open()
        except Unreachable as error:
            if error.code != "BROKER_UNREACHABLE" or time.monotonic() > end:
                raise
            time.sleep(0.05)


def authority(folder: Path, host: str) -> tuple[Path, Path]:
    """A self-signed certificate for `host`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test broker")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{host}.crt").write_bytes(certificate.public_bytes(pem))
    (folder / f"{host}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / f"{host}.crt", folder / f"{host}.key"


def tls(certificate: Path, key: Path) -> tuple[str, ...]:
    return (f"certfile {certificate}", f"keyfile {key}")


def test_a_broker_with_a_known_certificate_is_spoken_to(tmp_path: Path, mosquitto: Start) -> None:
    certificate, key = authority(tmp_path, "127.0.0.1")
    port, heard = mosquitto(*tls(certificate, key)), threading.Event()
    made = opened(port, tls=True, ca_file=certificate)
    made._listener = lambda topic, payload, _retained: heard.set() if payload == b"hello" else None
    made.subscribe("a/#")
    assert made.publish("a/b", "hello")
    assert heard.wait(60)
    made.close()


def test_an_unknown_authority_and_another_name_are_refused(tmp_path: Path, mosquitto: Start) -> None:
    certificate, key = authority(tmp_path, "127.0.0.2")
    port = mosquitto(*tls(certificate, key))
    with pytest.raises(Unreachable, match=r"BROKER_TLS.*self-signed"):
        opened(port, tls=True)
    with pytest.raises(Unreachable, match=r"BROKER_TLS.*mismatch"):
        opened(port, tls=True, ca_file=certificate)


def test_an_authority_that_is_not_a_certificate_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="MQTT_CA_FILE"):
        link(1, tls=True, ca_file=tmp_path / "ca.pem").open()


def test_a_subscription_that_an_access_list_forbids_is_reported(tmp_path: Path, mosquitto: Start) -> None:
    plugin = next(Path("/usr/lib").glob(f"*/{PLUGIN}"), None)
    if plugin is None:
        pytest.skip(f"{PLUGIN} is not installed")
    rules = tmp_path / "rules.json"
    rules.write_text('{"defaultACLAccess": {"subscribe": false, "unsubscribe": true}}')
    made = opened(mosquitto(f"plugin {plugin}", f"plugin_opt_config_file {rules}"))
    with pytest.raises(Refused, match=r"BROKER_ACL.*a/#"):
        made.subscribe("a/#")
    made.close()


def test_a_broker_that_never_answers_the_login_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("127.0.0.1", silent.getsockname()[1])
        with pytest.raises(Unreachable, match=r"login within 0\.5 s"):
            BrokerLink(address, lambda *_: None, deadline=0.5).open()
