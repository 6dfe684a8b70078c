"""The MQTT broker of the sandbox: mosquitto if it is installed, else an embedded one."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from bb8deploy.catalogue.errors.tool import SANDBOX_BROKER_FAILED, SANDBOX_BROKER_MISSING
from ha_sandbox.http_server import free_port

LEASH = Path(__file__).parents[1] / "end_with_parent.py"
EMBEDDED = Path(__file__).with_name("embedded_broker.py")
_START_DEADLINE = 60.0  # seconds until it listens, on a very busy machine
_STOP_DEADLINE = 15.0  # seconds; longer than the leash waits for mosquitto
_TRIES = 3  # another process may take a free port before the broker does
_MOSQUITTO_LISTENS = re.compile(rb"mosquitto version \S+ running")
_EMBEDDED_LISTENS = re.compile(rb"^embedded broker running", re.MULTILINE)


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
    """Starts a broker with its files in `folder`; it keeps no message after its end.

    Raises CheckFailed SANDBOX_BROKER_MISSING if there is no broker to start, and SANDBOX_BROKER_FAILED.
    """
    start = _starter()
    problem = ""
    for _ in range(_TRIES):
        try:
            return start(folder, username, password)
        except OSError as error:
            problem = str(error)
    raise SANDBOX_BROKER_FAILED(f"the MQTT broker did not start: {problem}")


def _starter() -> Callable[[Path, str, str], Broker]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program:
        return partial(_mosquitto, program)
    if importlib.util.find_spec("amqtt") is None:
        raise SANDBOX_BROKER_MISSING("neither mosquitto nor the extra `demo` of bb8deploy is installed")
    return _embedded


def _mosquitto(program: str, folder: Path, username: str, password: str) -> Broker:
    """A private mosquitto: loopback, own configuration, password login, no persistence."""
    port = free_port()
    config = _write_config(folder, port, username, password)
    argv = (sys.executable, "-I", "-S", str(LEASH), program, "-c", str(config))
    return BrokerProcess("mosquitto", "5", port, folder, argv, _MOSQUITTO_LISTENS)


def _embedded(folder: Path, username: str, password: str) -> Broker:
    """amqtt; its user comes by standard input, since arguments are seen by every user of the machine."""
    port = free_port()
    user = json.dumps({"port": port, "username": username, "password": password})
    argv = (sys.executable, "-P", str(EMBEDDED))
    return BrokerProcess("amqtt", "3.1.1", port, folder, argv, _EMBEDDED_LISTENS, f"{user}\n")


class BrokerProcess:
    """A broker that runs as long as its standard input is open, so never longer than this process."""

    def __init__(
        self,
        name: str,
        protocol: str,
        port: int,
        folder: Path,
        argv: Sequence[str],
        listens: re.Pattern[bytes],
        told: str = "",
    ) -> None:
        """Starts it and waits until its output matches `listens`.

        An answer on the port would not do: another process may have taken it, even another broker.
        Raises OSError with its output if it ends instead.
        """
        self.name, self.protocol, self.port = name, protocol, port
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "broker.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            self._tell(told.encode())
            self._await(listens)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Closes its standard input, which ends it."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it has ended by itself, without reading its input
                self._process.stdin.close()
        try:
            self._process.wait(_STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, text: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(text)
            self._process.stdin.flush()

    def _await(self, listens: re.Pattern[bytes]) -> None:
        deadline = time.monotonic() + _START_DEADLINE
        while not listens.search(self._log.read_bytes()):
            if self._process.poll() is not None:
                raise OSError(self._log.read_text(encoding="utf-8", errors="replace").strip())
            if time.monotonic() >= deadline:
                raise OSError(f"it did not listen on port {self.port} within {_START_DEADLINE:.0f} s")
            time.sleep(0.02)


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
        "log_type information",
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
