"""What process 1 of a container starts on a machine without namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from ha_sandbox.runtime.building.image_config import Image
from ha_sandbox.runtime.container_services import Wiring, init_config
from ha_sandbox.runtime.runtime_interface import ContainerSpec

LAUNCHER = "usr/bin/bb8deploy-launch"


def started(tree: Path, entrypoint: list[str], command: list[str]) -> list[list[str]]:
    """The command lines of all services, with the tree's own path left out."""
    image = Image(entrypoint=entrypoint, command=command)
    spec = ContainerSpec("local_x", "1", tree, {}, on_line=print, on_exit=print, on_health=print)
    services = init_config(tree, image, spec, Wiring(control=0), isolated=False)["services"]
    return [[word.replace(f"{tree}/", "/") for word in service["argv"]] for service in services]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An image with a launcher and a start script."""
    for name in (LAUNCHER, "run.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\n")
    return tmp_path


def test_the_command_of_init_is_started_without_it(tree: Path) -> None:
    assert started(tree, ["/init"], ["sh", "/run.sh"]) == [["sh", "/run.sh"]]
    launched = [f"/{LAUNCHER}", "sh", "/run.sh"]
    assert started(tree, [f"/{LAUNCHER}", "/init"], ["sh", "/run.sh"]) == [launched]


def test_a_launcher_comes_before_the_services_if_there_is_no_command(tree: Path) -> None:
    run = tree / "etc" / "services.d" / "web" / "run"
    run.parent.mkdir(parents=True)
    run.write_text("#!/bin/sh\nexec sleep 9\n")
    assert started(tree, ["/init"], []) == [["/etc/services.d/web/run"]]
    launched = [f"/{LAUNCHER}", "/etc/services.d/web/run"]
    assert started(tree, [f"/{LAUNCHER}", "/init"], []) == [launched]
