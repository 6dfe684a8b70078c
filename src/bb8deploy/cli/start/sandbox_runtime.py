"""The way in which the sandbox runs apps: as processes, or in Docker with `--docker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ha_sandbox.sandbox import OpenRuntime


def runtime_of(*, docker: bool) -> OpenRuntime:
    """The runtime that was asked for."""
    from ha_sandbox.runtime.docker_runtime import DockerRuntime
    from ha_sandbox.runtime.process_runtime import runtime_for

    return DockerRuntime if docker else runtime_for
