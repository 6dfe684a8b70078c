"""The life of apps: install, update, rebuild, start, stop, uninstall, in the order of the real Supervisor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ha_sandbox.restart import Power
from ha_sandbox.runtime.runtime_interface import Runtime
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.containers import Containers, checked_options
from ha_sandbox.supervisor.images import Images
from ha_sandbox.supervisor.ingress.ingress_sessions import IngressSessions
from ha_sandbox.supervisor.installed_app import Installed, State
from ha_sandbox.supervisor.job_conditions import check_conditions
from ha_sandbox.supervisor.jobs import Jobs
from ha_sandbox.supervisor.local_store import LocalStore, StoreApp
from ha_sandbox.supervisor.log_files import Journal, Journals
from ha_sandbox.supervisor.system.host_state import HostState
from ha_sandbox.supervisor.tokens_and_roles import Access

Work = Callable[[], None]


class Manager:
    """All apps of the host. A method named after an API call checks at once and returns the work to do.

    `journal` is the Supervisor's own log, `arch` this machine's architecture.
    """

    def __init__(self, root: Path, runtime: Runtime, access: Access, power: Power) -> None:
        self.root = root
        self.power = power
        self.faults = power.faults
        self.runtime = runtime
        self.installed: dict[str, Installed] = {}
        self.journals = Journals(root / "logs")
        self.journal = self.journals.supervisor
        self.store = LocalStore(root / "addons", self.journal, self.faults)
        power.attach_store(self.store.load)
        self.jobs = Jobs(lambda message: self.journal.log("ERROR", "jobs", message))
        self.ingress_sessions = IngressSessions()
        self.images = Images(runtime, self.journal, power)
        self.arch = self.images.arch
        self.containers = Containers(runtime, access, self.journals, root / "data")
        self.system = HostState(root, self.containers.data_folder)

    def log_of(self, slug: str) -> Journal:
        """The app's log, which survives rebuild and uninstall."""
        return self.journals.of(slug)

    def app(self, slug: str) -> Installed:
        """The installed app. Raises ApiError: 404 if it is unknown, 400 if it is not installed."""
        if slug in self.installed:
            return self.installed[slug]
        raise api_errors.not_installed() if slug in self.store.apps else api_errors.unknown_app(slug)

    def store_app(self, slug: str) -> StoreApp:
        """The app in the store. Raises ApiError 404."""
        if slug not in self.store.apps:
            raise api_errors.store_unknown(slug)
        return self.store.apps[slug]

    def reload(self) -> None:
        """Reads the store again. Raises ApiError."""
        check_conditions("StoreManager.reload", self.faults)
        self.store.reload()

    def install(self, slug: str) -> Work:
        """Builds and installs an app of the store; a failed build leaves nothing installed."""
        store = self.store_app(slug)
        check_conditions("AppManager.install", self.faults)
        if slug in self.installed:
            self.journal.log("WARNING", "apps.manager", f"App {store.name} is already installed")
            raise api_errors.already_installed(store.name, slug)
        if slug != slug.lower():
            raise api_errors.ApiError(f"'{slug}'")  # what remains of Docker's refusal of the image name
        self.images.need_architecture(store)
        self.images.need_dockerfile(store)
        return lambda: self._install(store)

    def update(self, slug: str) -> Work:
        """Builds the store's version while the installed one runs, then replaces it."""
        app = self.app(slug)
        check_conditions("AppManager.update", self.faults)
        store = self._in_store(slug)
        if app.version == store.version:
            raise api_errors.no_update(app.name, slug)
        self.images.need_architecture(store)
        return lambda: self._update(app, store)

    def rebuild(self, slug: str, *, force: bool) -> Work:
        """Removes container and image, then builds the same version again."""
        app = self.app(slug)
        check_conditions("AppManager.rebuild", self.faults)
        store = self._in_store(slug)
        if app.version != store.version:
            raise api_errors.version_changed(app.name, slug)
        if app.config.get("image") and not force:  # the installed copy decides, not the store's
            raise api_errors.image_based(app.name, slug)
        self.images.need_dockerfile(store)
        return lambda: self._rebuild(app, store)

    def start(self, slug: str) -> Work:
        """Starts the app; does nothing if it is running."""
        app = self.app(slug)
        return lambda: self._start(app)

    def stop(self, slug: str) -> Work:
        """Stops the app; does nothing if it is stopped."""
        app = self.app(slug)
        return lambda: self.containers.stop(app)

    def restart(self, slug: str) -> Work:
        """Stops the app if it is running, and starts it."""
        app = self.app(slug)

        def work() -> None:
            self.containers.stop(app)
            self._start(app)

        return work

    def uninstall(self, slug: str, *, remove_config: bool = False) -> Work:
        """Removes container, image and data; the log stays, and the configuration folder unless asked."""
        app = self.app(slug)
        return lambda: self._uninstall(app, remove_config=remove_config)

    def shutdown(self) -> None:
        """Stops every app and ends the followers of logs, at the end of the sandbox."""
        self.jobs.close()
        for app in list(self.installed.values()):
            self.containers.stop(app)
        self.journals.close()

    def _install(self, store: StoreApp) -> None:
        self.images.provide(store.config, store, store.version)
        self.containers.data_folder(store.slug)
        app = Installed(store.slug, store.config, profile=store.has("apparmor.txt"))
        self.installed[store.slug] = app
        self.journal.log("INFO", "apps.manager", f"App '{store.slug}' successfully installed")

    def _update(self, app: Installed, store: StoreApp) -> None:
        self.images.need_dockerfile(store)
        self.images.provide(store.config, store, store.version)
        was_running, old = app.running, app.version
        self.containers.stop(app)
        app.config, app.profile = store.config, store.has("apparmor.txt")
        self.images.remove(app.slug, old)
        self.journal.log("INFO", "apps.app", f"App '{app.slug}' successfully updated")
        if was_running:
            self._start(app)

    def _rebuild(self, app: Installed, store: StoreApp) -> None:
        was_running, before = app.running, app.state
        self.containers.stop(app)
        self.images.remove(app.slug, app.version)
        try:
            self.images.provide(app.config, store, app.version)
        except api_errors.ApiError:
            self.containers.set_state(app, State.ERROR)
            if was_running:  # the real one then tries to start it, and reports that error instead
                self.journal.log("ERROR", "apps.app", f"Could not start container for app {app.slug}")
                raise api_errors.unknown_failure(app.slug) from None
            raise
        app.config = store.config
        self.journal.log("INFO", "apps.app", f"App '{app.slug}' successfully rebuilt")
        if was_running:
            self._start(app)
        else:
            self.containers.set_state(app, before)

    def _start(self, app: Installed) -> None:
        if app.container is not None and app.running:
            self.journal.log("WARNING", "apps.app", f"{app.slug} is already running!")
            return
        checked_options(app)
        self.images.need(app)
        self._need_ports(app)
        self.containers.start(app)

    def _uninstall(self, app: Installed, *, remove_config: bool) -> None:
        self.containers.stop(app)
        self.images.remove(app.slug, app.version)
        self.containers.remove_data(app.slug, config=remove_config)
        self.installed.pop(app.slug, None)
        self.journal.log("INFO", "apps.manager", f"App '{app.slug}' successfully removed")

    def _in_store(self, slug: str) -> StoreApp:
        if slug not in self.store.apps:
            raise api_errors.not_in_store(self.installed[slug].name, slug)
        return self.store.apps[slug]

    def _need_ports(self, app: Installed) -> None:
        wanted = app.host_ports()
        for other in self.installed.values():
            taken = wanted & other.host_ports() if other is not app and other.running else set()
            if taken:
                raise api_errors.port_conflict(app.slug, min(taken)[0])
