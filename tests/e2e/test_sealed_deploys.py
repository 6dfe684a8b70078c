"""Deploys of apps that were not changed, to a sandbox that builds and runs them in a real Docker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ops.lab.engine import Engine
from ops.lab.errors import LabUnavailable
from tests.e2e import shapelab
from tests.e2e.shapes import SHAPES, Shape
from tests.integration.deploylab import Lab

from bb8deploy.base.errors import NotVerified
from ha_sandbox import LocalApp, Sandbox
from ha_sandbox.runtime.docker_runtime import DockerRuntime
from ha_sandbox.runtime.runtime_interface import BuildRequest

DEPLOYED = ("s6 base without CMD", "CMD alone in shell form")


@pytest.fixture(scope="module")
def engine(docker: Engine) -> Iterator[Engine]:
    """The lab's engine as the one that `docker` reaches, with the bases of the shapes."""
    try:
        shapelab.import_bases(docker)
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{docker.socket}")
        yield docker


def named(name: str) -> Shape:
    """The shape with this name."""
    return next(shape for shape in SHAPES if shape.name == name)


@contextmanager
def opened(shape: Shape, folder: Path) -> Iterator[Lab]:
    """A sandbox on Docker, and a workspace with the shape as its app."""
    app = shapelab.write(shape, folder / "work" / "addon")
    with Sandbox(folder / "box", app=LocalApp.read(app), open_runtime=DockerRuntime) as box:
        yield Lab(folder / "work", box, box.env(), [])


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", DEPLOYED)
def test_an_app_that_was_not_changed_reaches_verify_ok(name: str, tmp_path: Path) -> None:
    with opened(named(name), tmp_path) as lab:
        first = lab.deploy()
        (line,) = [line for line in lab.lines() if line.startswith("TOKEN: VERIFY_OK ")]
        assert "proof=sealed" in line
        assert f"tree={first.synced.digest} " in line
        again = lab.deploy()
        assert again.verified
        assert (again.synced.nothing_to_do, again.verified.action, again.verified.verified) == (
            True,
            "none",
            True,
        )


@pytest.mark.usefixtures("engine")
def test_an_edit_that_is_taken_back_after_the_build_never_reaches_verify_ok(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = DockerRuntime.build

    def edited(runtime: DockerRuntime, request: BuildRequest) -> str:
        place = request.context / "probe.sh"
        sent = place.read_bytes()
        place.write_bytes(sent + b"# edited\n")
        try:
            return real(runtime, request)
        finally:
            place.write_bytes(sent)

    monkeypatch.setattr(DockerRuntime, "build", edited)
    with opened(named("exec entry point"), tmp_path) as lab:
        with pytest.raises(NotVerified) as caught:
            lab.deploy()
        assert caught.value.code == "SEAL_DIFFERS"
        assert caught.value.details[0] == "probe.sh: built with other content"
        assert "VERIFY_OK" not in lab.tokens
