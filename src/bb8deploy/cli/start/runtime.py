"""The way in which the sandbox runs apps: as processes, or in Docker with `--docker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ha_sandbox.box import OpenRuntime


def runtime_of(*, docker: bool) -> OpenRuntime:
    """The runtime that was asked for."""
    from ha_sandbox.runtime.docker import DockerRuntime
    from ha_sandbox.runtime.process import runtime_for

    return DockerRuntime if docker else runtime_for
