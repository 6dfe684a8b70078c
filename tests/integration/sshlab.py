"""Starts real OpenSSH servers for tests: loopback, a free port, own keys and configuration."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bb8deploy.transport.ssh_config import Hop
from ha_sandbox.http_server import free_port

START_DEADLINE = 60.0
PORTS = 3


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running server: where it listens, the client's key, and a known_hosts file that knows it."""

    folder: Path
    port: int
    key: Path
    known_hosts: Path
    user: str
    process: subprocess.Popen[bytes]

    @property
    def alias(self) -> str:
        """The destination as HA_SSH_HOST_ALIAS takes it."""
        return f"{self.user}@127.0.0.1:{self.port}"

    def hop(self, *, port: int = 0, **changes: object) -> Hop:
        """A hop that leads here with the key and known_hosts of this server."""
        words: dict[str, object] = {
            "host": "127.0.0.1",
            "port": port or self.port,
            "user": self.user,
            "key_name": "bb8-test-host",
            "identities": (self.key,),
            "identities_only": True,
            "agent": "",
            "known_hosts": (self.known_hosts,),
        }
        return Hop(**{**words, **changes})  # type: ignore[arg-type]


def keygen(path: Path, kind: str = "ed25519", phrase: str = "") -> Path:
    """A fresh key pair."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", phrase, "-C", path.name, "-f", str(path)], check=True
    )
    return path


def need_sshd() -> str:
    """The server's path, or the test is skipped with the reason."""
    found = shutil.which("sshd") or next(
        (p for p in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(p).exists()), None
    )
    if not found or not shutil.which("ssh-keygen"):
        pytest.skip("SKIPPED: OpenSSH's sshd is not installed")
    return found


@contextlib.contextmanager
def start_sshd(
    folder: Path, *, options: Sequence[str] = (), host_key_kinds: Sequence[str] = ("ed25519",)
) -> Iterator[Sshd]:
    """Runs sshd in `folder`; it knows `bb8-test-host`, 127.0.0.1 on its port, and one client key."""
    binary = need_sshd()
    with contextlib.suppress(OSError):
        Path("/run/sshd").mkdir(exist_ok=True)
    key = keygen(folder / "client")
    shutil.copy(f"{key}.pub", folder / "authorized_keys")
    hosts = [keygen(folder / f"host_{kind}", kind) for kind in host_key_kinds]
    (folder / "home").mkdir()
    lines = [
        "ListenAddress 127.0.0.1",
        *(f"HostKey {path}" for path in hosts),
        f"AuthorizedKeysFile {folder / 'authorized_keys'}",
        f"PidFile {folder / 'sshd.pid'}",
        "StrictModes no",
        "UsePAM no",
        "LogLevel VERBOSE",
        "PasswordAuthentication no",
        "ExposeAuthInfo yes",
        # Not the user's own home: its shell would read .bashrc for each command, which may take seconds.
        f'SetEnv HOME="{folder / "home"}"',
        *options,
    ]
    process, port = _listening(binary, folder, lines)
    try:
        known = folder / "known_hosts"
        public = [Path(f"{path}.pub").read_text() for path in hosts]
        known.write_text("".join(f"bb8-test-host,[127.0.0.1]:{port} {text}" for text in public))
        yield Sshd(folder, port, key, known, getpass.getuser(), process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


def _listening(binary: str, folder: Path, lines: Sequence[str]) -> tuple[subprocess.Popen[bytes], int]:
    """A server on a free port. Another process may take the port first: then it is tried with another one."""
    for _ in range(PORTS):
        port = free_port()
        config = folder / "sshd_config"
        config.write_text("\n".join([f"Port {port}", *lines]) + "\n")
        with (folder / "sshd.log").open("wb") as log:
            process = subprocess.Popen(
                [binary, "-D", "-e", "-f", str(config)], stderr=log, start_new_session=True
            )
        if _listens(process, port):
            return process, port
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    pytest.skip(f"SKIPPED: sshd does not start here: {(folder / 'sshd.log').read_text()[-400:]}")


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + START_DEADLINE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process.poll() is None
        time.sleep(0.02)
    return False
