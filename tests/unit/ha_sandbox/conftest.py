"""A Supervisor whose containers are objects in memory: state without processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ha_sandbox.restart import Power
from ha_sandbox.runtime.runtime_interface import (
    BuildFailed,
    BuildRequest,
    ContainerSpec,
    PullFailed,
    StartFailed,
    Usage,
)
from ha_sandbox.situations import Faults
from ha_sandbox.supervisor.api.request_dispatch import Api
from ha_sandbox.supervisor.api.routing import MqttLogin, Request
from ha_sandbox.supervisor.app_lifecycle import Manager
from ha_sandbox.supervisor.images import machine_arch
from ha_sandbox.supervisor.tokens_and_roles import Access, Caller, Role


class MemoryContainer:
    """Runs until stopped; `die` ends it as a crash does."""

    has_health_check = False

    def __init__(self, spec: ContainerSpec) -> None:
        self.spec = spec
        self.ports = {port: ("127.0.0.1", port) for port in spec.ports}
        self.udp_ports = {port: ("127.0.0.1", port) for port in spec.udp_ports}
        self.page = ("127.0.0.1", spec.ingress_port) if spec.ingress_port else None
        self.stopped_with: float | None = None

    def stop(self, timeout: float) -> None:
        self.stopped_with = timeout

    def die(self, code: int) -> None:
        self.spec.on_exit(code)

    def usage(self) -> Usage:
        return Usage(1.0, 4096)


class MemoryRuntime:
    """Builds fail if the Dockerfile contains FAIL, starts if it contains NOSTART; `gate` delays a build."""

    way = "in memory"

    def __init__(self) -> None:
        self.images: dict[tuple[str, str], str] = {}
        self.containers: list[MemoryContainer] = []
        self.events: list[str] = []
        self.gate: threading.Event | None = None
        self.building = threading.Event()

    def address(self, service: str) -> tuple[str, int]:
        return service, 80

    def build(self, request: BuildRequest) -> str:
        self.events.append(f"build {request.version}")
        self.building.set()
        if self.gate is not None:
            assert self.gate.wait(60)
        text = request.dockerfile.read_text()
        if "FAIL" in text:
            raise BuildFailed("step 1 said FAIL")
        self.images[request.slug, request.version] = text
        return text

    def pull(self, slug: str, version: str, image: str) -> None:
        self.events.append(f"pull {image}")
        if "missing" in image:
            raise PullFailed("not found")
        self.images[slug, version] = image

    def has_image(self, slug: str, version: str) -> bool:
        return (slug, version) in self.images

    def remove_image(self, slug: str, version: str) -> None:
        self.events.append(f"remove {version}")
        self.images.pop((slug, version), None)

    def start(self, spec: ContainerSpec) -> MemoryContainer:
        if "NOSTART" in self.images[spec.slug, spec.version]:
            raise StartFailed("no such program")
        self.events.append(f"start {spec.version}")
        container = MemoryContainer(spec)
        self.containers.append(container)
        return container


class Host:
    """A host with one probe app, and a short way to call its API."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.access = Access()
        self.runtime = MemoryRuntime()
        self.faults = Faults()
        self.power = Power(self.faults)
        self.manager = Manager(root, self.runtime, self.access, self.power)
        self.api = Api(self.manager, self.access, MqttLogin("user", "word"))
        self.token = self.access.grant(Caller(Role.ADMIN))
        self.folder = root / "addons" / "probe"
        self.folder.mkdir(parents=True)
        (self.folder / "Dockerfile").write_text("FROM scratch\n")
        self.tick = 2_000_000_000  # later than any file that a test writes

    def write(self, **changes: Any) -> None:
        """config.yaml with `changes` over the probe's own; None removes a key. The mtime moves on."""
        config: dict[str, Any] = {
            "name": "Probe",
            "version": "1.0.0",
            "slug": "probe",
            "description": "a probe",
            "arch": [machine_arch()],
            "options": {"level": "info", "n": 3},
            "schema": {"level": "list(debug|info|warn)", "n": "int(1,10)", "extra": "str?"},
        }
        config |= changes
        path = self.folder / "config.yaml"
        path.write_text(json.dumps({k: v for k, v in config.items() if v is not ...}))
        self.touch()

    def touch(self) -> None:
        import os

        self.tick += 10
        for path in (self.root / "addons", self.folder, self.folder / "config.yaml"):
            os.utime(path, (self.tick, self.tick))

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        token = self.token if token is None else token
        headers = {"authorization": f"Bearer {token}"} if token else {}
        data = b"" if body is None else json.dumps(body).encode()
        path, _, text = path.partition("?")
        query = dict(pair.split("=") for pair in text.split("&")) if text else {}
        response = self.api.answer(Request(method, path, query, data, headers))
        is_json = response.content_type.startswith("application/json")
        return response.status, json.loads(response.body) if is_json else response.body.decode()

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.call(method, path, body)
        assert status == 200, answer
        return answer["data"]

    def key(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        status, answer = self.call(method, path, body)
        assert answer["result"] == "error"
        return status, answer.get("error_key", answer["message"])

    @property
    def info(self) -> dict[str, Any]:
        data: dict[str, Any] = self.ok("GET", "/addons/local_probe/info")
        return data


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """The probe is in the local root; nothing has been reloaded."""
    made = Host(tmp_path)
    made.write()
    return made


@pytest.fixture
def installed(host: Host) -> Host:
    """The probe is installed and stopped."""
    host.ok("POST", "/store/reload")
    host.ok("POST", "/store/addons/local_probe/install")
    return host


@pytest.fixture
def started(installed: Host) -> Host:
    """The probe runs."""
    installed.ok("POST", "/addons/local_probe/start")
    return installed


@pytest.fixture
def in_thread() -> Callable[[Callable[[], Any]], threading.Thread]:
    """Starts a function in a thread."""

    def start(function: Callable[[], Any]) -> threading.Thread:
        thread = threading.Thread(target=function)
        thread.start()
        return thread

    return start
