"""The sandbox: an embedded Home Assistant host on loopback, on free ports, in one folder."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bb8deploy.base.os_differences import exclusive, real_path
from bb8deploy.catalogue.errors.tool import SANDBOX_RUNNING
from ha_sandbox.core.core_listener import core_server
from ha_sandbox.core.core_rest_api import CoreRest
from ha_sandbox.core.core_websocket_api import CoreSockets
from ha_sandbox.core.supervisor_calls import SupervisorCalls
from ha_sandbox.http_server import LoopbackServer
from ha_sandbox.json_types import JsonObject
from ha_sandbox.local_app import LocalApp
from ha_sandbox.mqtt.choose_broker import Broker, open_broker
from ha_sandbox.restart import Power
from ha_sandbox.runtime.process_runtime import runtime_for
from ha_sandbox.runtime.runtime_interface import Runtime
from ha_sandbox.situations import Faults
from ha_sandbox.ssh.ssh_login import SshHome
from ha_sandbox.ssh.ssh_server import Login, SshServer
from ha_sandbox.supervisor.api.api_listener import server as supervisor_server
from ha_sandbox.supervisor.api.request_dispatch import Api
from ha_sandbox.supervisor.api.routing import MqttLogin
from ha_sandbox.supervisor.app_lifecycle import Manager
from ha_sandbox.supervisor.ingress.pages import Pages
from ha_sandbox.supervisor.tokens_and_roles import Access, Caller, Role
from ha_sandbox.supervisor_client import call_supervisor

_FOLDERS = ("addons", "config/reports", "data", "images", "logs", "keys", "home", "bin", "state")
OpenRuntime = Callable[[Path, Mapping[str, tuple[str, int]]], Runtime]


class Sandbox:
    """An embedded host. Use it as a context manager, or call `start` and `stop`; `stop` may be called twice.

    `root` is the host's folder: addons, config, data, images. `app` is the one that `env` describes;
    `install` sets it. `user`, `token` and `banner` shape the SSH login: another user than root, no Supervisor
    token, text that a login shell prints first. `open_runtime` opens what runs apps: `runtime_for`
    (processes) or `DockerRuntime`. `faults` switches situations on.
    """

    def __init__(
        self,
        root: Path,
        *,
        app: LocalApp | None = None,
        user: str = "root",
        token: bool = True,
        banner: str = "",
        open_runtime: OpenRuntime = runtime_for,
    ) -> None:
        self.root = real_path(root)
        self.app = app
        self.faults = Faults()
        self.power = Power(self.faults)
        self._open_runtime = open_runtime
        self._user, self._banner = user, banner
        self._access = Access()
        self._llat = secrets.token_hex(90)
        self._mqtt = MqttLogin("sandbox", secrets.token_hex(16))
        self._closers: list[Callable[[], None]] = []
        self._guard = threading.Lock()
        self.supervisor_token = self._access.grant(Caller(Role.ADMIN))
        roles = {"manager": Role.MANAGER, "default": Role.DEFAULT} if token else {}
        self._ssh_tokens = {name: self._access.grant(Caller(role)) for name, role in roles.items()}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts every part; if one fails, stops those that have started."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops every part in reverse order, also if one of them fails."""
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
        """How apps run in this sandbox, in words."""
        return self.runtime.way

    @property
    def local_root(self) -> Path:
        """The folder of the local apps, which the SSH app of a real host shows as /addons."""
        return self.root / "addons"

    def env(self) -> dict[str, str]:
        """The settings that reach this host and, if an app is known, its folder and slug."""
        return {**self._host_env(), **(self._app_env(self.app) if self.app else {})}

    def _app_env(self, app: LocalApp) -> dict[str, str]:
        return {"HA_REMOTE_RUNTIME": str(self.local_root / app.folder), "HA_REMOTE_SLUG": app.slug}

    def _host_env(self) -> dict[str, str]:
        return {
            "HA_SSH_HOST_ALIAS": f"{self._user}@127.0.0.1:{self.ssh.port}",
            "HA_SSH_KEY": str(self.root / "keys" / "id_ed25519"),
            "HA_SSH_KNOWN_HOSTS": str(self.root / "keys" / "known_hosts"),
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
        """The settings that reach this host's folders through a mounted share."""
        app = {"HA_MOUNT": str(self.local_root / self.app.folder)} if self.app else {}
        return {**app, "HA_CONFIG_MOUNT": str(self.root / "config")}

    def install(self, source_tree: Path, options: JsonObject) -> None:
        """Copies the app to the local root, reloads, installs, sets options and starts, as a user would."""
        self.app = LocalApp.read(source_tree)
        place, slug = self.local_root / self.app.folder, self.app.slug
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source_tree, place, symlinks=True)
        place.touch()  # the store reads again only if something is newer than before
        self.call("POST", "/store/reload")
        self.call("POST", f"/store/addons/{slug}/install")
        defaults = self.call("GET", f"/addons/{slug}/info")["options"]
        if "mqtt_protocol" in defaults and self.broker.protocol != "5":
            options = {"mqtt_protocol": self.broker.protocol, **options}
        if options:
            self.call("POST", f"/addons/{slug}/options", {"options": {**defaults, **options}})
        self.call("POST", f"/addons/{slug}/start")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call of the Supervisor's REST API; returns `data`. Raises CheckFailed for an error."""
        return call_supervisor(
            self.supervisor_url, self.supervisor_token, method, path, body, self.manager.journal
        )

    def _start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in _FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self._lock_folder()
        self.broker: Broker = open_broker(self.root / "state", self._mqtt.username, self._mqtt.password)
        self._closers.append(self.broker.stop)
        targets = {"mqtt": ("127.0.0.1", self.broker.port), "supervisor": ("127.0.0.1", 0)}
        self.runtime = self._open_runtime(self.root / "images", targets)
        self._closers.append(self.runtime.close)
        self.manager = Manager(self.root, self.runtime, self._access, self.power)
        self._closers.append(self.manager.shutdown)
        self._start_apis(Api(self.manager, self._access, self._mqtt))
        self._start_ssh()
        self._closers.append(self.runtime.abort)  # first of all, so that nothing waits for a build

    def _lock_folder(self) -> None:
        """Keeps a second sandbox out of the folder until this one ends. Raises Locked SANDBOX_RUNNING."""
        lock = ExitStack()
        try:
            lock.enter_context(exclusive(self.root / "state" / ".lock", wait=False))
        except BlockingIOError as error:
            raise SANDBOX_RUNNING(f"a sandbox is up in {self.root} already") from error
        self._closers.append(lock.close)

    def _start_apis(self, api: Api) -> None:
        self._supervisor = self._serve(supervisor_server(api))
        self.power.attach_supervisor(self._supervisor)
        self.runtime.aim("supervisor", ("127.0.0.1", self._supervisor.port))
        calls = SupervisorCalls(api, self._access.grant(Caller(Role.ADMIN)), self.power)
        sockets = CoreSockets(calls, self._llat, self.faults)
        rest = CoreRest(calls, self._llat, self.faults)
        self._core = self._serve(core_server(rest, sockets, Pages(self.manager)))
        self.power.attach_core(self._core, sockets)

    def _start_ssh(self) -> None:
        home = SshHome(self.root, self._user, self._banner)
        login = Login(
            user=self._user,
            key=home.client_key,
            folder=self.root,
            local_root=self.local_root,
            environment=lambda: home.environment(self._supervisor.port, self.faults, self._ssh_tokens),
        )
        self.ssh = SshServer(home.host_key, login, self.faults)
        home.write_known_hosts(self.ssh.port)
        self._closers.append(self.ssh.stop)
        self.ssh.start()

    def _serve(self, server: LoopbackServer) -> LoopbackServer:
        self._closers.append(server.stop)
        server.start()
        return server
