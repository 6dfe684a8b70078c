"""The sandbox as a whole: an embedded Home Assistant host on loopback, on free ports, in one folder."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paramiko

from bb8deploy.base.errors import CheckFailed
from ha_sandbox.broker import Broker, open_broker
from ha_sandbox.core_api import Core
from ha_sandbox.runtime.base import Runtime
from ha_sandbox.runtime.process import runtime_for
from ha_sandbox.serving import LoopbackServer
from ha_sandbox.ssh_server import Faults, Login, SshServer
from ha_sandbox.supervisor.access import Access, Caller, Role
from ha_sandbox.supervisor.api.http import server as supervisor_server
from ha_sandbox.supervisor.api.routing import MqttLogin
from ha_sandbox.supervisor.api.service import Api
from ha_sandbox.supervisor.manager import Manager

_FOLDERS = ("addons/local", "config/reports", "data", "images", "logs", "keys", "home", "bin", "state")
_INSTALL_DEADLINE = 1800.0  # seconds
CONTAINER_FOLDER = "beep_boop_bb8"
SLUG = "local_beep_boop_bb8"
OpenRuntime = Callable[[Path, Mapping[str, tuple[str, int]]], Runtime]


class Sandbox:
    """An embedded host. Use as a context manager, or `start` and `stop`; `stop` may be called twice.

    `root` mirrors a host: addons/local, config, data, images. `user`, `token` and `banner` shape the ssh
    login: another user than root, no Supervisor token, words that a login shell prints first. `open_runtime`
    is the way of running add-ons: `runtime_for` (processes) or `DockerRuntime`.
    """

    def __init__(
        self,
        root: Path,
        *,
        user: str = "root",
        token: bool = True,
        banner: str = "",
        open_runtime: OpenRuntime = runtime_for,
    ) -> None:
        self.root = root.resolve()
        self._open_runtime = open_runtime
        self._user, self._with_token, self._banner = user, token, banner
        self._access = Access()
        self._llat = secrets.token_hex(90)
        self._mqtt = MqttLogin("sandbox", secrets.token_hex(16))
        self._closers: list[Any] = []
        self._guard = threading.Lock()
        self.faults = Faults(disk_folder=self.root / "addons" / "local")
        self.supervisor_token = self._access.grant(Caller(Role.ADMIN))
        self._ssh_token = self._access.grant(Caller(Role.MANAGER))
        self._core_token = self._access.grant(Caller(Role.ADMIN))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts every part; what has started is stopped again where one does not."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops every part in reverse order; one that fails does not keep the others."""
        with self._guard:
            closers, self._closers = self._closers[::-1], []
        problems: list[Exception] = []
        for close in closers:
            try:
                close()
            except (OSError, RuntimeError) as error:
                problems.append(error)
        if problems:
            raise ExceptionGroup("parts of the sandbox did not stop", problems)

    def _start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in _FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.broker: Broker = open_broker(self.root / "state", self._mqtt.username, self._mqtt.password)
        self._closers.append(self.broker.stop)
        targets = {"mqtt": ("127.0.0.1", self.broker.port), "supervisor": ("127.0.0.1", 0)}
        self.runtime = self._open_runtime(self.root / "images", targets)
        self._closers.append(self.runtime.close)
        self.manager = Manager(self.root, self.runtime, self._access)
        self._closers.append(self.manager.shutdown)
        api = Api(self.manager, self._access, self._mqtt)
        self._supervisor = self._serve(supervisor_server(api))
        self.runtime.aim("supervisor", ("127.0.0.1", self._supervisor.port))
        self._core = self._serve(Core(api, self._llat, self._core_token).server())
        self.ssh = self._open_ssh()
        self._closers.append(self.ssh.stop)
        self.ssh.start()
        self._closers.append(self.runtime.abort)  # first of all, or the others would wait for a build

    def _serve(self, server: LoopbackServer) -> LoopbackServer:
        self._closers.append(server.stop)
        server.start()
        return server

    # ------------------------------------------------------------ what a user sees

    @property
    def supervisor_url(self) -> str:
        """The Supervisor's REST API."""
        return f"http://127.0.0.1:{self._supervisor.port}"

    @property
    def core_url(self) -> str:
        """Core's REST and WebSocket API."""
        return f"http://127.0.0.1:{self._core.port}"

    @property
    def runtime_way(self) -> str:
        """How add-ons run here, in words."""
        return self.runtime.way

    def env(self) -> dict[str, str]:
        """The settings of this host, as of any other."""
        return {
            "HA_SSH_HOST_ALIAS": f"{self._user}@127.0.0.1:{self.ssh.port}",
            "HA_SSH_KEY": str(self.root / "keys" / "id_ed25519"),
            "HA_SSH_KNOWN_HOSTS": str(self.root / "keys" / "known_hosts"),
            "HA_REMOTE_RUNTIME": str(self.root / "addons" / "local" / CONTAINER_FOLDER),
            "HA_REMOTE_SLUG": SLUG,
            "HA_SECRETS_PATH": str(self.root / "config" / "secrets.yaml"),
            "HA_REPORTS_DIR": str(self.root / "config" / "reports"),
            "HA_URL": self.core_url,
            "HA_LLAT": self._llat,
            "MQTT_HOST": "127.0.0.1",
            "MQTT_PORT": str(self.broker.port),
            "MQTT_USERNAME": self._mqtt.username,
            "MQTT_PASSWORD": self._mqtt.password,
        }

    def mount_env(self) -> dict[str, str]:
        """The settings that reach this host's folders as a mounted share does."""
        return {
            "HA_MOUNT": str(self.root / "addons" / "local" / CONTAINER_FOLDER),
            "HA_CONFIG_MOUNT": str(self.root / "config"),
        }

    def install(self, source_tree: Path, options: dict[str, Any]) -> None:
        """Gives the host a history, as its user would: copy, reload, install, set options, start."""
        place = self.root / "addons" / "local" / CONTAINER_FOLDER
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source_tree, place, symlinks=True)
        (place / "config.yaml").touch()
        self.call("POST", "/store/reload")
        self.call("POST", f"/store/addons/{SLUG}/install")
        defaults = self.call("GET", f"/addons/{SLUG}/info")["options"]
        if "mqtt_protocol" in defaults and self.broker.protocol != "5":
            options = {"mqtt_protocol": self.broker.protocol, **options}
        if options:
            self.call("POST", f"/addons/{SLUG}/options", {"options": {**defaults, **options}})
        self.call("POST", f"/addons/{SLUG}/start")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call of the Supervisor's REST API; gives `data`, raises CheckFailed for an error."""
        request = urllib.request.Request(  # noqa: S310  our own loopback address
            self.supervisor_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.supervisor_token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_INSTALL_DEADLINE) as response:  # noqa: S310
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            with error:
                message = error.read().decode(errors="replace")
            raise CheckFailed(
                "SANDBOX_REFUSED",
                f"the sandbox's Supervisor answered {method} {path} with {error.code}: {message}",
                "Read the lines shown with this; they are the end of its log.",
                details=self.manager.journal.tail(25).splitlines(),
            ) from error

    # ------------------------------------------------------------ ssh

    def _open_ssh(self) -> SshServer:
        keys = self.root / "keys"
        client = _key_pair(keys / "id_ed25519")
        host = _key_pair(keys / "ssh_host_ed25519_key")
        server = SshServer(host, Login(self._user, client, self.root, self._login_environment()), self.faults)
        line = f"[127.0.0.1]:{server.port} ssh-ed25519 {host.get_base64()}\n"
        (keys / "known_hosts").write_text(line, encoding="utf-8")
        return server

    def _login_environment(self) -> dict[str, str]:
        home = self.root / "home"
        banner = f"cat <<'BANNER'\n{self._banner}\nBANNER\n" if self._banner else ""
        for name in (".profile", ".bash_profile"):
            (home / name).write_text(banner, encoding="utf-8")
        _write_ha(self.root / "bin" / "ha")
        environment = {
            "HOME": str(home),
            "USER": self._user,
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
            "PATH": f"{self.root / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SUPERVISOR_ENDPOINT": f"127.0.0.1:{self._supervisor.port}",
        }
        return {**environment, "SUPERVISOR_TOKEN": self._ssh_token} if self._with_token else environment


def _key_pair(path: Path) -> paramiko.Ed25519Key:
    """An ed25519 key in OpenSSH's format, made at the first use."""
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
    from shlex import quote

    script = Path(__file__).with_name("ha_cli.py")
    python = Path(sys.executable)
    path.write_text(
        f'#!/bin/sh\nexec {quote(str(python))} -I -S {quote(str(script))} "$@"\n', encoding="utf-8"
    )
    path.chmod(0o755)
