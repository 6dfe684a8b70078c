"""The MQTT broker of the sandbox: mosquitto if it is installed, else an embedded one."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from bb8deploy.catalogue.errors.tool import SANDBOX_BROKER_FAILED, SANDBOX_BROKER_MISSING
from ha_sandbox.serving import free_port

LEASH = Path(__file__).parents[1] / "leash.py"
_START_DEADLINE = 20.0  # seconds until the port answers
_TRIES = 3  # another process may take a free port before the broker does


class Broker(Protocol):
    """A broker with one user; `protocol` is the newest version of MQTT that it supports."""

    name: str
    protocol: str

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        ...

    def stop(self) -> None:
        """Stops it; may be called twice."""
        ...


def open_broker(folder: Path, username: str, password: str) -> Broker:
    """Starts a broker with its files in `folder`; it keeps no message after its end."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto is None:
        return _embedded(username, password)
    problem = ""
    for _ in range(_TRIES):
        try:
            return Mosquitto(mosquitto, folder, username, password)
        except OSError as error:
            problem = str(error)
    raise SANDBOX_BROKER_FAILED(f"mosquitto did not start: {problem}")


def _embedded(username: str, password: str) -> Broker:
    if importlib.util.find_spec("amqtt") is None:
        raise SANDBOX_BROKER_MISSING("neither mosquitto nor the extra `demo` of bb8deploy is installed")
    from ha_sandbox.mqtt.embedded import EmbeddedBroker

    return EmbeddedBroker(username, password)


class Mosquitto:
    """A private mosquitto: loopback, own configuration, password login, no persistence."""

    name = "mosquitto"
    protocol = "5"

    def __init__(self, program: str, folder: Path, username: str, password: str) -> None:
        self.port = free_port()
        config = _write_config(folder, self.port, username, password)
        self._log = folder / "mosquitto.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), program, "-c", str(config)],
                stdin=subprocess.PIPE,  # open as long as this process runs
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._await_port()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Closes the leash, which ends mosquitto."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _await_port(self) -> None:
        deadline = time.monotonic() + _START_DEADLINE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise OSError(self._log.read_text(encoding="utf-8", errors="replace").strip())
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                    return
            except OSError:
                time.sleep(0.02)
        raise OSError(f"no answer on port {self.port} within {_START_DEADLINE:.0f} s")


def _write_config(folder: Path, port: int, username: str, password: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    passwords = folder / "mosquitto.passwd"
    passwords.touch(mode=0o600)
    passwords.write_text(f"{username}:{_hashed(password)}\n", encoding="utf-8")
    config = folder / "mosquitto.conf"
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {passwords}",
        "persistence false",
        "set_tcp_nodelay true",
        "max_queued_messages 10000",
        "log_type error",
        "log_type warning",
        *_run_as_this_user(),
    ]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


def _run_as_this_user() -> list[str]:
    """Started by root, mosquitto would switch to a user that cannot read these files."""
    import os

    return ["user root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _hashed(password: str) -> str:
    """mosquitto's `$7$` form: PBKDF2 with SHA-512, as mosquitto_passwd writes it since 2.0."""
    import base64
    import hashlib
    import secrets

    salt, rounds = secrets.token_bytes(12), 101
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 64)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
