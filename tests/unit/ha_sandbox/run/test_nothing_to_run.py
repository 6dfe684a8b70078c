"""A container that would run nothing is refused, with the way that runs it."""

from __future__ import annotations

from pathlib import Path

from ha_sandbox.runtime.building.image_config import Image
from ha_sandbox.runtime.container_services import Wiring, init_config, left_out, nothing_to_run
from ha_sandbox.runtime.runtime_interface import ContainerSpec


def problem(tree: Path, image: Image) -> str:
    spec = ContainerSpec("local_x", "1", tree, {}, on_line=print, on_exit=print, on_health=print)
    return nothing_to_run(tree, init_config(tree, image, spec, Wiring(control=0), isolated=False))


def test_services_of_s6_overlay_3_and_a_command_of_the_base_need_docker(tmp_path: Path) -> None:
    assert "base is not here" in problem(tmp_path, Image())
    run = tmp_path / "etc/s6-overlay/s6-rc.d/web/run"
    run.parent.mkdir(parents=True)
    run.write_text("#!/bin/sh\n")
    assert "s6-overlay 3" in problem(tmp_path, Image())
    assert "--docker" in problem(tmp_path, Image())
    assert problem(tmp_path, Image(command=["sh"])) == ""
    assert [line.split()[4] for line in left_out(tmp_path)] == ["/etc/s6-overlay/s6-rc.d"]


def test_an_app_that_runs_on_this_machine_is_not_bothered(tmp_path: Path) -> None:
    assert left_out(tmp_path) == []
