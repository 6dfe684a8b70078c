"""Images of local apps: build or pull, the checks before it, and removal."""

from __future__ import annotations

import platform
from pathlib import Path

from bb8deploy.base.yaml_loader import load
from ha_sandbox.json_types import Config
from ha_sandbox.restart import Power
from ha_sandbox.runtime.runtime_interface import BuildFailed, BuildRequest, PullFailed, Runtime
from ha_sandbox.situations import Situation
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.installed_app import Installed
from ha_sandbox.supervisor.local_store import StoreApp
from ha_sandbox.supervisor.log_files import Journal

_DEFAULT_BASE = "ghcr.io/home-assistant/base:latest"


class Images:
    """Builds and removes the images of one host. `arch` is this machine's architecture."""

    def __init__(self, runtime: Runtime, journal: Journal, power: Power) -> None:
        self.arch = machine_arch()
        self._runtime = runtime
        self._journal = journal
        self._power = power

    def provide(self, config: Config, store: StoreApp, version: str) -> None:
        """Pulls the image that `config` names, or builds the app's folder if it names none.

        Raises ApiError; the reason is in the Supervisor's log.
        """
        image = str(config.get("image") or "")
        if image:
            self._pull(store.slug, version, f"{image.replace('{arch}', self.arch)}:{version}")
        else:
            self._build(store, version)

    def _pull(self, slug: str, version: str, image: str) -> None:
        self._journal.log("INFO", "docker.interface", f"Downloading docker image {image}.")
        try:
            self._runtime.pull(slug, version, image)
        except PullFailed as error:
            why = f"Can't install {image}: {error}"
            self._journal.log("ERROR", "docker.interface", why)
            self._journal.log("ERROR", "apps.app", f"Could not pull image to update app {slug}: {why}")
            raise api_errors.unknown_failure(slug) from error

    def _build(self, store: StoreApp, version: str) -> None:
        dockerfile = store.dockerfile(self.arch)
        if dockerfile is None:
            raise api_errors.no_dockerfile(store.slug)
        args = {"BUILD_VERSION": version, "BUILD_ARCH": self.arch, **_build_yaml_args(store.path)}
        request = BuildRequest(store.slug, version, store.path, dockerfile, args, self.arch)
        name = self.name(store.slug, version)
        self._journal.log("INFO", "docker.app", f"Starting build for {name}")
        try:
            self._restart_if_asked()
            self._runtime.build(request)
        except BuildFailed as error:
            self._log_failure(store.slug, name, error.log)
            raise api_errors.build_failed(store.slug) from error
        self._journal.log("INFO", "docker.app", f"Build {name} done")

    def _restart_if_asked(self) -> None:
        """Restarts the Supervisor in the middle of this build if such a situation is in force.

        Raises BuildFailed if the job is to be lost with the restart.
        """
        faults = self._power.faults
        if faults.end(Situation.RESTART_IN_JOB):
            self._power.restart_supervisor()
        if faults.end(Situation.RESTART_LOSES_JOB):
            self._power.restart_supervisor()
            raise BuildFailed("the Supervisor was restarted")

    def _log_failure(self, slug: str, name: str, output: str) -> None:
        """Logs the builder's output twice, as supervisor/docker/app.py and supervisor/apps/app.py do."""
        why = f"Docker build failed for {name} (exit code 1). Build output:\n{output}"
        self._journal.log("ERROR", "docker.app", why)
        self._journal.log("ERROR", "apps.app", f"Could not build image for app {slug}: {why}")

    def name(self, slug: str, version: str) -> str:
        """The image's name and tag as the Supervisor logs them."""
        return f"local/{self.arch}-addon-{slug.removeprefix('local_')}:{version}"

    def need(self, app: Installed) -> None:
        """Raises ApiError if the app's image does not exist."""
        if not self._runtime.has_image(app.slug, app.version):
            name = self.name(app.slug, app.version)
            self._journal.log("ERROR", "docker.manager", f"Image {name} does not exist")
            raise api_errors.unknown_failure(app.slug)

    def remove(self, slug: str, version: str) -> None:
        """Removes an image if it exists."""
        self._runtime.remove_image(slug, version)

    def need_architecture(self, store: StoreApp) -> None:
        """Raises ApiError if the app does not support this machine."""
        supported = [str(arch) for arch in store.config["arch"]]
        if self.arch not in supported:
            raise api_errors.wrong_architecture(store.name, store.slug, ", ".join(supported))

    def need_dockerfile(self, store: StoreApp) -> None:
        """Raises ApiError if an app without `image:` has no Dockerfile."""
        if not store.config.get("image") and store.dockerfile(self.arch) is None:
            raise api_errors.no_dockerfile(store.slug)


def machine_arch() -> str:
    """This machine's architecture under the Supervisor's name for it."""
    return {"x86_64": "amd64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def _build_yaml_args(folder: Path) -> dict[str, str]:
    """BUILD_FROM and args of a build.yaml at any depth; the Supervisor still uses it, with a warning."""
    found = next((p for s in ("yaml", "yml", "json") for p in sorted(folder.rglob(f"build.{s}"))), None)
    if found is None:
        return {}
    raw = load(found.read_text(encoding="utf-8"))
    raw = raw if isinstance(raw, dict) else {}
    base = raw.get("build_from", _DEFAULT_BASE)
    base = base.get(machine_arch(), "") if isinstance(base, dict) else str(base)
    return {**{str(k): str(v) for k, v in (raw.get("args") or {}).items()}, "BUILD_FROM": base}
