"""The OpenSSH server of the benches, and a Progress that shows nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from tests.integration.sshlab import start_sshd


class Quiet:
    """A progress display that shows nothing."""

    def step(self, _name: str, _where: str = "") -> AbstractContextManager[None]:
        """Shows nothing."""
        return nullcontext()

    def note(self, _text: str) -> None:
        """Shows nothing."""

    def warn(self, _text: str) -> None:
        """Shows nothing."""


@contextmanager
def sshd(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Runs a server and yields its port.

    `folder` gets the key `client` and a `known_hosts` that has the server's key for every port. Commands run
    in `environment` alone, if one is given.
    """
    with start_sshd(folder, options=[f"ForceCommand {_command(folder, environment)}"]) as server:
        server.known_hosts.write_text(f"[127.0.0.1]:* {(folder / 'host_ed25519.pub').read_text()}")
        yield server.port


def ssh_words(folder: Path, port: int) -> list[str]:
    """The ssh call of a user, with the faster of OpenSSH's key exchanges."""
    return [
        *("ssh", "-p", str(port), "-i", str(folder / "client"), "-o", "IdentitiesOnly=yes"),
        *("-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={folder / 'known_hosts'}"),
        *("-o", "KexAlgorithms=curve25519-sha256"),
    ]


def settings_for(folder: Path, port: int) -> dict[str, str]:
    """The settings with which bb8deploy reaches the server."""
    return {
        "HA_SSH_HOST_ALIAS": f"root@127.0.0.1:{port}",
        "HA_SSH_KEY": str(folder / "client"),
        "HA_SSH_KNOWN_HOSTS": str(folder / "known_hosts"),
    }


def scratch_root() -> str | None:
    """The folder for the benches, in memory if possible so that other work on the disk is not measured.

    None is the usual temporary folder.
    """
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _command(folder: Path, environment: Mapping[str, str] | None) -> Path:
    """A program that runs the client's command, in `environment` alone if there is one."""
    command = folder / "command"
    words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())] if environment else []
    command.write_text(f'#!/bin/sh\nexec {shlex.join([*words, "sh", "-c"])} "$SSH_ORIGINAL_COMMAND"\n')
    command.chmod(0o755)
    return command
