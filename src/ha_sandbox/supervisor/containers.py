"""Containers of installed apps: start, stop, and what their exits and health checks do to the state."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

from ha_sandbox.json_types import Config, JsonObject
from ha_sandbox.runtime.runtime_interface import (
    Container,
    ContainerSpec,
    Mount,
    PortInUse,
    Runtime,
    StartFailed,
)
from ha_sandbox.supervisor import api_errors, config_and_options_checks
from ha_sandbox.supervisor.installed_app import RUNNING, Installed, State
from ha_sandbox.supervisor.log_files import Journals
from ha_sandbox.supervisor.tokens_and_roles import Access, Caller, role_of

HEALTH_DEADLINE = 120.0
"""Seconds that the Supervisor waits for the first answer of a health check."""


class Containers:
    """Starts and stops the containers of one host; `data` is the parent of the apps' /data folders."""

    def __init__(self, runtime: Runtime, access: Access, journals: Journals, data: Path) -> None:
        self._runtime = runtime
        self._access = access
        self._journals = journals
        self._journal = journals.supervisor
        self._data = data
        self._local_apps = data.parent / "addons"
        self._configs = data.parent / "addon_configs"
        self._state_changed = threading.Condition()

    def data_folder(self, slug: str) -> Path:
        """The app's /data, created if it is missing."""
        folder = self._data / slug
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def remove_data(self, slug: str, *, config: bool) -> None:
        """Removes the app's /data, and with `config` its configuration folder."""
        shutil.rmtree(self._data / slug, ignore_errors=True)
        if config:
            shutil.rmtree(self._configs / slug, ignore_errors=True)

    def start(self, app: Installed) -> None:
        """Starts the app's image and waits for its health check, if it has one. Raises ApiError."""
        options = checked_options(app)
        text = json.dumps(options, indent=2)
        (self.data_folder(app.slug) / "options.json").write_text(text, encoding="utf-8")
        self._launch(app)
        self._journal.log("INFO", "docker.app", f"Starting Docker app {app.slug} with version {app.version}")
        self._await_health(app)

    def stop(self, app: Installed) -> None:
        """Stops the app's container and revokes its token. Does nothing if it is not running."""
        container = app.container
        app.container = None
        if container is not None:
            container.stop(float(app.config.get("timeout", 10)))
            self._access.revoke(app.slug)
        if app.running or container is not None:
            self.set_state(app, State.STOPPED)

    def set_state(self, app: Installed, state: State) -> None:
        """Sets the state and wakes a start that waits for it."""
        with self._state_changed:
            app.state = state
            self._state_changed.notify_all()

    def _launch(self, app: Installed) -> None:
        holder: list[Container] = []
        spec = self._spec(app, holder)
        self.set_state(app, State.STARTUP)
        try:
            container = self._runtime.start(spec)
        except PortInUse as error:
            self.set_state(app, State.ERROR)
            refused = api_errors.port_conflict(app.slug, error.port)
            self._journal.log("ERROR", "apps.app", refused.message)
            raise refused from error
        except StartFailed as error:
            self.set_state(app, State.ERROR)
            self._journal.log("ERROR", "docker.manager", f"Can't start app_{app.slug}: {error}")
            raise api_errors.unknown_failure(app.slug) from error
        with self._state_changed:
            holder.append(container)
            app.container = container
            if not container.has_health_check and app.state is State.STARTUP:
                app.state = State.STARTED

    def _spec(self, app: Installed, holder: list[Container]) -> ContainerSpec:
        """What to start; `holder` receives the container, so that a late callback is recognised."""
        journal = self._journals.of(app.slug)
        journal.mark()
        return ContainerSpec(
            slug=app.slug,
            version=app.version,
            data=self.data_folder(app.slug),
            environment=self._environment(app),
            on_line=journal.write,
            on_exit=lambda code: self._exited(app, holder, code),
            on_health=lambda healthy: self._health_changed(app, holder, healthy=healthy),
            mounts=self._mounts(app),
            ports=app.tcp_ports(),
            udp_ports=app.udp_ports(),
            ingress_port=app.ingress_port,
        )

    def _mounts(self, app: Installed) -> tuple[Mount, ...]:
        config = self._configs / app.slug
        found = mounts_of(app.config, self._local_apps, config)
        if any(mount.source == config for mount in found):
            config.mkdir(parents=True, exist_ok=True)
        return found

    def _environment(self, app: Installed) -> dict[str, str]:
        """The variables that the Supervisor sets; the token is new at every start."""
        token = self._access.grant(Caller(role_of(app.config), app.slug))
        host, port = self._runtime.address("supervisor")
        return {
            **{str(k): str(v) for k, v in (app.config.get("environment") or {}).items()},
            "SUPERVISOR_TOKEN": token,
            "HASSIO_TOKEN": token,
            "SUPERVISOR_URL": f"http://{host}" if port == 80 else f"http://{host}:{port}",
            # bashio calls http://supervisor without it.
            **({} if port == 80 else {"SUPERVISOR_API": f"http://{host}:{port}"}),
            "TZ": "UTC",
        }

    def _await_health(self, app: Installed) -> None:
        """Waits for the first answer of the health check; the container's end also ends the wait."""
        with self._state_changed:
            settled = self._state_changed.wait_for(lambda: app.state is not State.STARTUP, HEALTH_DEADLINE)
            if not settled:
                app.state = State.STARTED

    def _exited(self, app: Installed, holder: list[Container], code: int) -> None:
        with self._state_changed:
            if holder and app.container is not holder[0]:
                return  # stopped on purpose, or replaced by a newer container
            app.state = State.ERROR if code else State.STOPPED
            self._state_changed.notify_all()
        level = "WARNING" if code else "INFO"
        self._journal.log(level, "docker.monitor", f"app_{app.slug} exited with {code}")

    def _health_changed(self, app: Installed, holder: list[Container], *, healthy: bool) -> None:
        with self._state_changed:
            if app.state in RUNNING and not (holder and app.container is not holder[0]):
                app.state = State.STARTED
                self._state_changed.notify_all()
        if not healthy:
            self._journal.log("WARNING", "docker.monitor", f"app_{app.slug} is unhealthy")


def mounts_of(config: Config, local_apps: Path, own_config: Path) -> tuple[Mount, ...]:
    """The mounts of the local apps and of the app's configuration folder that `map` asks for.

    The Supervisor mounts a type once, the last entry. Of two names of one folder (`addons` and `local_apps`,
    `addon_config` and `app_config`) the newer counts. Other folders of the host do not exist in the sandbox.
    """
    rows = {row["type"]: row for row in config.get("map") or []}
    wanted = (
        (local_apps, rows.get("local_apps") or rows.get("addons"), ""),
        (own_config, rows.get("app_config") or rows.get("addon_config"), "/config"),
    )
    return tuple(
        Mount(folder, str(row.get("path") or place or f"/{row['type']}"), not row.get("read_only", True))
        for folder, row, place in wanted
        if row is not None
    )


def checked_options(app: Installed) -> JsonObject:
    """The options as the app will read them. Raises ApiError if they do not fit the schema."""
    try:
        return config_and_options_checks.accept_options(
            app.config.get("schema", {}), app.options(), app.name, app.slug
        )
    except config_and_options_checks.OptionsRefused as error:
        raise api_errors.invalid_options(app.slug, str(error)) from error
