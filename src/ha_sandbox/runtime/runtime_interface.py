"""The interface of a runtime: build or pull an image, start a container of it, remove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

Address: TypeAlias = tuple[str, int]
"""Host and port."""


class BuildFailed(Exception):
    """The image could not be built; `log` is what the builder wrote, many lines."""

    def __init__(self, log: str) -> None:
        super().__init__(log.splitlines()[-1] if log else "build failed")
        self.log = log


class PullFailed(Exception):
    """The image could not be pulled; the text gives the reason."""


class StartFailed(Exception):
    """The container did not start at all."""


class PortInUse(StartFailed):
    """Another program listens at a port that the container needs on this machine."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is already in use")
        self.port = port


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build: the context folder, its Dockerfile, the Supervisor's arguments and name of the machine."""

    slug: str
    version: str
    context: Path
    dockerfile: Path
    args: Mapping[str, str]
    arch: str


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host at an absolute path of the container, read-only unless `writable`."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container: image by slug and version, its /data folder, environment, callbacks, and folders of the
    host beside /data.

    `on_line` gets each line of output; `on_exit` the exit code, once, unless `stop` was called first.
    `on_health` gets the new result of the health check when it changes. `ports` are the TCP ports of the
    container with the host port that each should have (None: none), `udp_ports` the same for UDP,
    `ingress_port` is that of its page, 0 without one.
    """

    slug: str
    version: str
    data: Path
    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    on_exit: Callable[[int], None]
    on_health: Callable[[bool], None]
    mounts: tuple[Mount, ...] = ()
    ports: Mapping[int, int | None] = field(default_factory=dict)
    udp_ports: Mapping[int, int | None] = field(default_factory=dict)
    ingress_port: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds used so far and resident bytes."""

    cpu_seconds: float
    memory: int


class Container(Protocol):
    """A running container."""

    @property
    def has_health_check(self) -> bool:
        """True if the image has a health check."""
        ...

    @property
    def ports(self) -> Mapping[int, Address]:
        """Where this machine reaches each TCP port of the container."""
        ...

    @property
    def udp_ports(self) -> Mapping[int, Address]:
        """The same for UDP."""
        ...

    @property
    def page(self) -> Address | None:
        """Where the Supervisor's ingress reaches the page, None without one."""
        ...

    def stop(self, timeout: float) -> None:
        """SIGTERM, after `timeout` seconds SIGKILL; returns when nothing of it is left."""
        ...

    def usage(self) -> Usage:
        """What it uses now."""
        ...


class Runtime(Protocol):
    """What builds images and runs containers."""

    @property
    def way(self) -> str:
        """How apps run, in words for the user."""
        ...

    def address(self, service: str) -> tuple[str, int]:
        """Where a container reaches `supervisor` or `mqtt`: host and port."""
        ...

    def aim(self, service: str, address: tuple[str, int]) -> None:
        """Sets the address of `supervisor` or `mqtt` for containers that start from now on."""
        ...

    def build(self, request: BuildRequest) -> str:
        """Builds the image and returns the builder's log; raises BuildFailed."""
        ...

    def pull(self, slug: str, version: str, image: str) -> None:
        """Gets the image of an app with `image:`, tag included; raises PullFailed."""
        ...

    def has_image(self, slug: str, version: str) -> bool:
        """True if the image exists."""
        ...

    def remove_image(self, slug: str, version: str) -> None:
        """Removes the image if it exists."""
        ...

    def start(self, spec: ContainerSpec) -> Container:
        """Starts a container; raises StartFailed."""
        ...

    def abort(self) -> None:
        """Makes running and later builds fail."""
        ...

    def close(self) -> None:
        """Ends what serves containers; the owner stops containers."""
        ...
