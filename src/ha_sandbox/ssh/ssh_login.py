"""The SSH app's login: its keys, its home and `ha`, and the environment of each command."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

import paramiko

from ha_sandbox.situations import Faults, Situation

_HA_CLI = Path(__file__).with_name("ha_command.py")


class SshHome:
    """The files of the login in the sandbox's folder; a login shell prints `banner` first."""

    def __init__(self, root: Path, user: str, banner: str) -> None:
        self._root = root
        self._user = user
        self._home, self._bin = root / "home", root / "bin"
        text = f"cat <<'BANNER'\n{banner}\nBANNER\n" if banner else ""
        for name in (".profile", ".bash_profile"):
            (self._home / name).write_text(text, encoding="utf-8")
        _write_ha(self._bin / "ha")
        self.client_key = _key_pair(root / "keys" / "id_ed25519")
        self.host_key = _key_pair(root / "keys" / "ssh_host_ed25519_key")

    def write_known_hosts(self, port: int) -> None:
        """Writes known_hosts for a server of this host on `port`."""
        line = f"[127.0.0.1]:{port} ssh-ed25519 {self.host_key.get_base64()}\n"
        (self._root / "keys" / "known_hosts").write_text(line, encoding="utf-8")

    def environment(self, supervisor_port: int, faults: Faults, tokens: Mapping[str, str]) -> dict[str, str]:
        """What a command gets: `tokens` are the Supervisor's, by role, and may be empty."""
        role = "default" if Situation.ROLE_DEFAULT in faults else "manager"
        environment = {
            "HOME": str(self._home),
            "USER": self._user,
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
            "PATH": f"{self._bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SUPERVISOR_ENDPOINT": f"127.0.0.1:{supervisor_port}",
            "HA_SANDBOX_NO_ROUTE_SECONDS": str(faults.no_route_seconds),
        }
        return {**environment, "SUPERVISOR_TOKEN": tokens[role]} if role in tokens else environment


def _key_pair(path: Path) -> paramiko.Ed25519Key:
    """An ed25519 key in OpenSSH's format, created at its first use."""
    if not path.is_file():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate()
        form = serialization.PrivateFormat.OpenSSH
        data = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        path.touch(mode=0o600)
        path.write_bytes(data)
    return paramiko.Ed25519Key.from_private_key_file(str(path))


def _write_ha(path: Path) -> None:
    """Writes the `ha` command; as an imported module it is compiled only once."""
    folder, module = _HA_CLI.parent, _HA_CLI.stem
    code = f"import sys; sys.path.append({str(folder)!r}); import {module}; sys.exit({module}.main())"
    command = f"{quote(sys.executable)} -I -S -c {quote(code)}"
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
