"""What a way of running add-ons offers: build an image, start a container of it, remove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class BuildFailed(Exception):
    """The image could not be built; `log` is what the builder wrote, many lines."""

    def __init__(self, log: str) -> None:
        super().__init__(log.splitlines()[-1] if log else "build failed")
        self.log = log


class StartFailed(Exception):
    """The container could not be started at all."""


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One build: the context folder, its Dockerfile, the arguments that the Supervisor passes."""

    slug: str
    version: str
    context: Path
    dockerfile: Path
    args: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container: image by slug and version, its /data folder, environment and callbacks.

    `on_line` gets each line of output; `on_exit` the exit code, once, unless `stop` was called first.
    `on_health` gets True or False when a health check changes its mind.
    """

    slug: str
    version: str
    data: Path
    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    on_exit: Callable[[int], None]
    on_health: Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container consumes: CPU seconds so far and resident bytes."""

    cpu_seconds: float
    memory: int


class Container(Protocol):
    """A container under way."""

    @property
    def has_health_check(self) -> bool:
        """Whether the image says how to ask for its health."""
        ...

    def stop(self, timeout: float) -> None:
        """SIGTERM, after `timeout` seconds SIGKILL; returns when nothing of it is left."""
        ...

    def usage(self) -> Usage:
        """What it consumes now."""
        ...


class Runtime(Protocol):
    """A way of running add-ons."""

    @property
    def way(self) -> str:
        """Which way it is, in words for the user."""
        ...

    def address(self, service: str) -> tuple[str, int]:
        """Where a container reaches `supervisor` or `mqtt`: host and port."""
        ...

    def aim(self, service: str, address: tuple[str, int]) -> None:
        """Says where `supervisor` or `mqtt` listens on this machine; for containers started from now on."""
        ...

    def build(self, request: BuildRequest) -> str:
        """Builds the image and gives the builder's log; raises BuildFailed."""
        ...

    def has_image(self, slug: str, version: str) -> bool:
        """Whether the image is there."""
        ...

    def remove_image(self, slug: str, version: str) -> None:
        """Removes the image if it is there."""
        ...

    def start(self, spec: ContainerSpec) -> Container:
        """Starts a container; raises StartFailed."""
        ...

    def abort(self) -> None:
        """Ends the builds under way and those to come; they fail."""
        ...

    def close(self) -> None:
        """Ends what serves containers; containers themselves are stopped by their owner."""
        ...
