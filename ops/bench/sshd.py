"""A private OpenSSH server on loopback for the benches, and a Progress that says nothing."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

START_DEADLINE = 30.0


class Quiet:
    """Hears nothing."""

    def step(self, _name: str, _where: str = "") -> AbstractContextManager[None]:
        """Shows nothing."""
        return nullcontext()

    def note(self, _text: str) -> None:
        """Says nothing."""

    def warn(self, _text: str) -> None:
        """Says nothing."""


@contextmanager
def sshd(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Runs a server; gives its port.

    `folder` gets the key `client` and a `known_hosts` that knows the server under any port. Commands run in
    `environment` alone, where one is given.
    """
    for name in ("host_key", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:* {(folder / 'host_key.pub').read_text()}")
    port = free_port()
    (folder / "sshd_config").write_text(_config(folder, port, environment))
    binary = shutil.which("sshd") or "/usr/sbin/sshd"
    Path("/run/sshd").mkdir(exist_ok=True)
    words = [binary, "-D", "-e", "-f", str(folder / "sshd_config")]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def ssh_words(folder: Path, port: int) -> list[str]:
    """The ssh call that a person would make to it, with the faster of OpenSSH's key exchanges."""
    return [
        *("ssh", "-p", str(port), "-i", str(folder / "client"), "-o", "IdentitiesOnly=yes"),
        *("-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={folder / 'known_hosts'}"),
        *("-o", "KexAlgorithms=curve25519-sha256"),
    ]


def settings_for(folder: Path, port: int) -> dict[str, str]:
    """The settings that lead bb8deploy to it."""
    return {
        "HA_SSH_HOST_ALIAS": f"root@127.0.0.1:{port}",
        "HA_SSH_KEY": str(folder / "client"),
        "HA_SSH_KNOWN_HOSTS": str(folder / "known_hosts"),
    }


def scratch_root() -> str | None:
    """Where the benches work: in memory where there is such a place, because other work on the machine's disk
    would be measured else; None for the usual place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _config(folder: Path, port: int, environment: Mapping[str, str] | None) -> str:
    command = folder / "command"
    words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())] if environment else []
    command.write_text(f'#!/bin/sh\nexec {shlex.join([*words, "sh", "-c"])} "$SSH_ORIGINAL_COMMAND"\n')
    command.chmod(0o755)
    return (
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPidFile none\nForceCommand {command}\n"
        "SetEnv SHLVL=5\n"  # else root's bash reads its rc file at each command, which measures that file
    )


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_DEADLINE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("sshd does not listen")
