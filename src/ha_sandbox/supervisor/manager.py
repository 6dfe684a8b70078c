"""The life of apps: install, update, rebuild, start, stop, uninstall, each in the real one's order."""

from __future__ import annotations

import json
import platform
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ha_sandbox.runtime.base import (
    BuildFailed,
    BuildRequest,
    Container,
    ContainerSpec,
    Runtime,
    StartFailed,
)
from ha_sandbox.supervisor import failures, rules
from ha_sandbox.supervisor.access import Access, Caller, role_of
from ha_sandbox.supervisor.jobs import Jobs
from ha_sandbox.supervisor.journal import Journal
from ha_sandbox.supervisor.model import RUNNING, Installed, State
from ha_sandbox.supervisor.store import LocalStore, StoreApp

HEALTH_DEADLINE = 120.0  # seconds that the real Supervisor waits for the first answer of a health check
Work = Callable[[], None]


class Manager:
    """All apps of the host. Methods named like an API call check at once and give the work to be done."""

    def __init__(self, root: Path, runtime: Runtime, access: Access) -> None:
        self.arch = machine_arch()
        self.runtime = runtime
        self.installed: dict[str, Installed] = {}
        self.journal = Journal(root / "logs" / "supervisor.log", "hassio_supervisor")
        self.store = LocalStore(root / "addons" / "local", self.journal)
        self.jobs = Jobs(lambda message: self.journal.log("ERROR", "jobs", message))
        self.root = root
        self._access = access
        self._journals: dict[str, Journal] = {}
        self._state_changed = threading.Condition()

    # ---------------------------------------------------------------- what is there

    def app(self, slug: str) -> Installed:
        """The installed app; raises ApiError, 404 for an unknown one, 400 where not installed."""
        if slug in self.installed:
            return self.installed[slug]
        raise failures.not_installed() if slug in self.store.apps else failures.unknown_app(slug)

    def store_app(self, slug: str) -> StoreApp:
        """The app in the store; raises ApiError 404."""
        if slug not in self.store.apps:
            raise failures.store_unknown(slug)
        return self.store.apps[slug]

    def log_of(self, slug: str) -> Journal:
        """The app's log, which survives rebuild and uninstall."""
        if slug not in self._journals:
            self._journals[slug] = Journal(self.root / "logs" / f"{slug}.log", f"app_{slug}")
        return self._journals[slug]

    # ---------------------------------------------------------------- API calls

    def install(self, slug: str) -> Work:
        """Install from the store: builds; a failed build leaves nothing installed."""
        store = self.store_app(slug)
        if slug in self.installed:
            self.journal.log("WARNING", "apps.manager", f"App {store.name} is already installed")
            raise failures.already_installed(store.name, slug)
        if slug != slug.lower():
            raise failures.ApiError(f"'{slug}'")  # what Docker's refusal of the image name ends up as
        self.need_architecture(store)
        self._need_dockerfile(store)
        return lambda: self._install(store)

    def update(self, slug: str) -> Work:
        """Builds the store's version while the old one runs, then swaps."""
        app, store = self.app(slug), self._in_store(slug)
        if app.version == store.version:
            raise failures.no_update(app.name, slug)
        self.need_architecture(store)
        return lambda: self._update(app, store)

    def rebuild(self, slug: str, *, force: bool) -> Work:
        """Removes container and image, then builds the same version again."""
        app, store = self.app(slug), self._in_store(slug)
        if app.version != store.version:
            raise failures.version_changed(app.name, slug)
        if store.config.get("image") and not force:
            raise failures.image_based(app.name, slug)
        self._need_dockerfile(store)
        return lambda: self._rebuild(app, store)

    def start(self, slug: str) -> Work:
        """Starts; nothing happens where it runs already."""
        app = self.app(slug)
        return lambda: self._start(app)

    def stop(self, slug: str) -> Work:
        """Stops; nothing happens where it stands."""
        app = self.app(slug)
        return lambda: self._stop(app)

    def restart(self, slug: str) -> Work:
        """Stops where it runs, and starts."""
        app = self.app(slug)

        def work() -> None:
            self._stop(app)
            self._start(app)

        return work

    def uninstall(self, slug: str) -> Work:
        """Removes container, image and data; the log stays."""
        app = self.app(slug)
        return lambda: self._uninstall(app)

    def shutdown(self) -> None:
        """Stops every app and ends log followers; for the end of the sandbox."""
        self.jobs.close()
        for app in list(self.installed.values()):
            self._stop(app)
        for journal in (self.journal, *self._journals.values()):
            journal.close()

    # ---------------------------------------------------------------- the work

    def _install(self, store: StoreApp) -> None:
        self._build(store, store.version)
        self._data(store.slug).mkdir(parents=True, exist_ok=True)
        app = Installed(store.slug, store.config, profile=store.has("apparmor.txt"))
        self.installed[store.slug] = app
        self.journal.log("INFO", "apps.manager", f"App '{store.slug}' successfully installed")

    def _update(self, app: Installed, store: StoreApp) -> None:
        if store.config.get("image"):
            self.journal.log(
                "ERROR", "docker.interface", f"Can't install {store.config['image']}: no registry"
            )
            raise failures.unknown_failure(app.slug)
        self._need_dockerfile(store)
        self._build(store, store.version)
        was_running, old = app.running, app.version
        self._stop(app)
        app.config, app.profile = store.config, store.has("apparmor.txt")
        self.runtime.remove_image(app.slug, old)
        self.journal.log("INFO", "apps.app", f"App '{app.slug}' successfully updated")
        if was_running:
            self._start(app)

    def _rebuild(self, app: Installed, store: StoreApp) -> None:
        was_running = app.running
        before = app.state
        self._stop(app)
        self.runtime.remove_image(app.slug, app.version)
        try:
            self._build(store, app.version)
        except failures.ApiError:
            self._set_state(app, State.ERROR)
            if was_running:  # the real one goes on to start what is not there, and that error wins
                self.journal.log("ERROR", "apps.app", f"Could not start container for app {app.slug}")
                raise failures.unknown_failure(app.slug) from None
            raise
        app.config = store.config
        self.journal.log("INFO", "apps.app", f"App '{app.slug}' successfully rebuilt")
        if was_running:
            self._start(app)
        else:
            self._set_state(app, before)

    def _start(self, app: Installed) -> None:
        if app.container is not None and app.running:
            self.journal.log("WARNING", "apps.app", f"{app.slug} is already running!")
            return
        options = self._checked_options(app)
        if not self.runtime.has_image(app.slug, app.version):
            image = f"local/{self.arch}-addon-{app.slug.removeprefix('local_')}:{app.version}"
            self.journal.log("ERROR", "docker.manager", f"Image {image} does not exist")
            raise failures.unknown_failure(app.slug)
        self._need_ports(app)
        text = json.dumps(options, indent=2)
        (self._data(app.slug) / "options.json").write_text(text, encoding="utf-8")
        self._launch(app)
        self.journal.log("INFO", "docker.app", f"Starting Docker app {app.slug} with version {app.version}")
        self._await_health(app)

    def _launch(self, app: Installed) -> None:
        journal = self.log_of(app.slug)
        journal.mark()
        token = self._access.grant(Caller(role_of(dict(app.config)), app.slug))
        host, port = self.runtime.address("supervisor")
        environment = {
            **{str(k): str(v) for k, v in (app.config.get("environment") or {}).items()},
            "SUPERVISOR_TOKEN": token,
            "HASSIO_TOKEN": token,
            "SUPERVISOR_URL": f"http://{host}" if port == 80 else f"http://{host}:{port}",
            "TZ": "UTC",
        }
        holder: list[Container] = []
        spec = ContainerSpec(
            slug=app.slug,
            version=app.version,
            data=self._data(app.slug),
            environment=environment,
            on_line=journal.write,
            on_exit=lambda code: self._exited(app, holder, code),
            on_health=lambda healthy: self._health_changed(app, holder, healthy=healthy),
        )
        self._set_state(app, State.STARTUP)
        try:
            container = self.runtime.start(spec)
        except StartFailed as error:
            self._set_state(app, State.ERROR)
            self.journal.log("ERROR", "docker.manager", f"Can't start app_{app.slug}: {error}")
            raise failures.unknown_failure(app.slug) from error
        with self._state_changed:
            holder.append(container)
            app.container = container
            if not container.has_health_check and app.state is State.STARTUP:
                app.state = State.STARTED

    def _await_health(self, app: Installed) -> None:
        """Waits for the first answer of the health check; a dead container ends the wait, too."""
        with self._state_changed:
            settled = self._state_changed.wait_for(lambda: app.state is not State.STARTUP, HEALTH_DEADLINE)
            if not settled:
                app.state = State.STARTED

    def _stop(self, app: Installed) -> None:
        container = app.container
        app.container = None
        if container is not None:
            container.stop(float(app.config.get("timeout", 10)))
            self._access.revoke(app.slug)
        if app.running or container is not None:
            self._set_state(app, State.STOPPED)

    def _uninstall(self, app: Installed) -> None:
        self._stop(app)
        self.runtime.remove_image(app.slug, app.version)
        shutil.rmtree(self._data(app.slug), ignore_errors=True)
        self.installed.pop(app.slug, None)
        self.journal.log("INFO", "apps.manager", f"App '{app.slug}' successfully removed")

    def _build(self, store: StoreApp, version: str) -> None:
        dockerfile = store.dockerfile(self.arch)
        if dockerfile is None:
            raise failures.no_dockerfile(store.slug)
        args = {"BUILD_VERSION": version, "BUILD_ARCH": self.arch, **_build_yaml_args(store.path)}
        request = BuildRequest(store.slug, version, store.path, dockerfile, args)
        name = f"local/{self.arch}-addon-{store.slug.removeprefix('local_')}:{version}"
        self.journal.log("INFO", "docker.app", f"Starting build for {name}")
        try:
            self.runtime.build(request)
        except BuildFailed as error:
            self.journal.log("ERROR", "docker.app", f"Can't build {name}: {error.log}")
            raise failures.build_failed(store.slug) from error
        self.journal.log("INFO", "docker.app", f"Build {name} done")

    # ---------------------------------------------------------------- callbacks of containers

    def _exited(self, app: Installed, holder: list[Container], code: int) -> None:
        with self._state_changed:
            if holder and app.container is not holder[0]:
                return  # stopped on purpose, or another one runs already
            app.state = State.ERROR if code else State.STOPPED
            self._state_changed.notify_all()
        self.journal.log(
            "WARNING" if code else "INFO", "docker.monitor", f"app_{app.slug} exited with {code}"
        )

    def _health_changed(self, app: Installed, holder: list[Container], *, healthy: bool) -> None:
        with self._state_changed:
            if app.state in RUNNING and not (holder and app.container is not holder[0]):
                app.state = State.STARTED
                self._state_changed.notify_all()
        if not healthy:
            self.journal.log("WARNING", "docker.monitor", f"app_{app.slug} is unhealthy")

    def _set_state(self, app: Installed, state: State) -> None:
        with self._state_changed:
            app.state = state
            self._state_changed.notify_all()

    # ---------------------------------------------------------------- conditions

    def _in_store(self, slug: str) -> StoreApp:
        if slug not in self.store.apps:
            raise failures.not_in_store(self.installed[slug].name, slug)
        return self.store.apps[slug]

    def need_architecture(self, store: StoreApp) -> None:
        """Raises ApiError where the app does not run on this machine."""
        supported = [str(arch) for arch in store.config["arch"]]
        if self.arch not in supported:
            raise failures.wrong_architecture(store.name, store.slug, ", ".join(supported))

    def _need_dockerfile(self, store: StoreApp) -> None:
        if not store.config.get("image") and store.dockerfile(self.arch) is None:
            raise failures.no_dockerfile(store.slug)

    def _need_ports(self, app: Installed) -> None:
        wanted = {port for port in app.ports().values() if port}
        for other in self.installed.values():
            taken = wanted & set(other.ports().values()) if other is not app and other.running else set()
            if taken:
                raise failures.port_conflict(app.slug, int(min(taken)))

    def _checked_options(self, app: Installed) -> dict[str, Any]:
        try:
            return rules.accept_options(app.config.get("schema", {}), app.options(), app.name, app.slug)
        except rules.OptionsRefused as error:
            raise failures.invalid_options(app.slug, str(error)) from error

    def _data(self, slug: str) -> Path:
        folder = self.root / "data" / slug
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def machine_arch() -> str:
    """This machine's architecture in the Supervisor's words."""
    return {"x86_64": "amd64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def _build_yaml_args(folder: Path) -> dict[str, str]:
    """BUILD_FROM and args of a build.yaml at any depth, which the Supervisor still honours with a warning."""
    import yaml

    found = next((p for s in ("yaml", "yml", "json") for p in sorted(folder.rglob(f"build.{s}"))), None)
    if found is None:
        return {}
    raw = yaml.safe_load(found.read_text(encoding="utf-8"))
    raw = raw if isinstance(raw, dict) else {}
    base = raw.get("build_from", "ghcr.io/home-assistant/base:latest")
    base = base.get(machine_arch(), "") if isinstance(base, dict) else str(base)
    return {**{str(k): str(v) for k, v in (raw.get("args") or {}).items()}, "BUILD_FROM": base}
