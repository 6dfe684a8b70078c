"""Forty shapes of apps, each through a whole deploy to a host that builds and runs them in a real Docker."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from ops.lab.engine import Engine
from ops.lab.errors import LabUnavailable
from tests.e2e import shapelab
from tests.e2e.shapes import SHAPES, Shape
from tests.integration.deploylab import Lab

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.deploy.deploy import deploy
from ha_sandbox import LocalApp, Sandbox
from ha_sandbox.runtime.docker_runtime import DockerRuntime
from ha_sandbox.runtime.runtime_interface import BuildRequest

AT_ONCE = 3
LEAST = 36
PROVEN = "TOKEN: VERIFY_OK "
FOLDER = "HA_REMOTE_RUNTIME"


@pytest.fixture(scope="module")
def box(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One host on Docker for all apps, with the bases of the shapes."""
    try:
        shapelab.import_bases(docker)
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    with (
        pytest.MonkeyPatch.context() as patch,
        patched_docker(patch, docker),
        Sandbox(
            tmp_path_factory.mktemp("box"), app=LocalApp.named("shape"), open_runtime=DockerRuntime
        ) as made,
    ):
        yield made


@contextmanager
def patched_docker(patch: pytest.MonkeyPatch, docker: Engine) -> Iterator[None]:
    """The lab's engine as the one that the sandbox finds."""
    patch.setenv("DOCKER_HOST", f"unix://{docker.socket}")
    yield


@dataclass(frozen=True, slots=True)
class Deployed:
    """One shape after its deploy: whether the content was proven, else the reason, and what went wrong."""

    shape: Shape
    proven: bool
    why: str = ""
    wrong: str = ""


def lab_of(box: Sandbox, shape: Shape, folder: Path) -> Lab:
    """A workspace with the shape as its app, whose deploys go to a folder of its own on the host."""
    slug = LocalApp.read(shapelab.write(shape, folder / "addon")).slug
    place, _, _ = box.env()[FOLDER].rpartition("/")
    own = {FOLDER: f"{place}/{slug.removeprefix('local_')}", "HA_REMOTE_SLUG": slug}
    return Lab(folder, box, {**box.env(), **own}, [])


def deployed(box: Sandbox, shape: Shape, folder: Path) -> Deployed:
    """Deploys a shape and removes it again, because forty running apps would slow down the rest."""
    lab = lab_of(box, shape, folder)
    level = deploy(lab.run(dry_run=True)).synced.level
    if shape.why and "scratch" in shape.name:
        return Deployed(shape, proven=False, why=level.why)  # nothing in it can start
    try:
        lab.deploy()
    except Bb8Error as error:
        return Deployed(shape, proven=False, wrong=f"{error.code}: {error.cause} {error.details}")
    finally:
        box.call("POST", f"/addons/{lab.environ['HA_REMOTE_SLUG']}/uninstall")
    lines = [line for line in lab.lines() if line.startswith(PROVEN)]
    proven = len(lines) == 1 and " proof=sealed " in lines[0]
    return Deployed(
        shape, proven=proven, why=level.why, wrong="" if proven or level.why else str(lab.lines())
    )


def test_the_shapes_reach_verify_ok_by_a_whole_deploy(box: Sandbox, tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(deployed, box, shape, tmp_path / str(n)) for n, shape in enumerate(SHAPES)]
        results = [job.result() for job in jobs]
    wrong = [f"{one.shape.name}: {one.wrong}" for one in results if one.wrong]
    assert not wrong, "\n".join(wrong)
    unproven = {one.shape.name: one.why for one in results if not one.proven}
    assert unproven.keys() == {shape.name for shape in SHAPES if shape.why}
    assert all(shape.why in unproven[shape.name] for shape in SHAPES if shape.why), unproven
    assert sum(one.proven for one in results) >= LEAST


def edited(sent: bytes) -> bytes:
    """An edit that changes what is built, of a script and of a Dockerfile."""
    return sent + b"# edited\n"


@pytest.mark.parametrize("taken_back", [False, True])
@pytest.mark.parametrize("path", ["probe.sh", "Dockerfile.amd64"])
def test_an_edit_between_sync_and_build_is_never_proven(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, taken_back: bool
) -> None:
    real = DockerRuntime.build
    shape = Shape(f"edited {re.sub('[^a-z]', '', path.lower())} {taken_back}", SHAPES[7].dockerfile)

    def build(runtime: DockerRuntime, request: BuildRequest) -> str:
        place = request.context / path
        sent, info = place.read_bytes(), place.stat()
        place.write_bytes(edited(sent))
        try:
            return real(runtime, request)
        finally:
            if taken_back:
                place.write_bytes(sent)
                os.utime(place, ns=(info.st_atime_ns, info.st_mtime_ns))

    monkeypatch.setattr(DockerRuntime, "build", build)
    lab = lab_of(box, shape, tmp_path)
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert caught.value.code == ("SEAL_DIFFERS" if path == "probe.sh" else "HOST_CHANGED")
    assert not [line for line in lab.lines() if line.startswith(PROVEN)]
