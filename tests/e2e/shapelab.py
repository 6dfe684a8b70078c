"""Builds shapes in a real Docker, as they are and sealed; shows what a started container sees of itself."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ops.lab import bases
from ops.lab.engine import Engine
from tests.e2e import shapes
from tests.e2e.shapes import Shape

from bb8deploy.lanes.sync.plan_from_workspace import read_source
from bb8deploy.overlay.delivery import deliver
from bb8deploy.overlay.delivery_draft import Purpose
from bb8deploy.overlay.proof_level import ProofLevel, level_of
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.ignore_patterns import Ignore

PLAIN, SEALED = "plain", "sealed"
IGNORE = Ignore.parse("")
RUN_ID = "run-of-the-lab"
_DISPATCH = (
    "FROM alpine:3.23\n"
    "RUN printf '#!/bin/sh\\ncase $1 in serve) exec /probe.sh served;; *) exec \"$@\";; esac\\n' >/entry "
    "&& chmod 0755 /entry\n"
    'ENTRYPOINT ["/entry"]\nCMD ["serve"]\n'
)


def import_bases(docker: Engine) -> None:
    """The lab's two base images under the names that the shapes use."""
    alpine, debian = str(bases.alpine_base()), str(bases.debian_base())
    init = ("--change", 'ENTRYPOINT ["/init"]')
    docker.docker("import", alpine, shapes.ALPINE)
    docker.docker("import", debian, shapes.DEBIAN)
    docker.docker("import", *init, alpine, shapes.HA_ALPINE)
    docker.docker("import", *init, debian, shapes.HA_DEBIAN)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(_DISPATCH)
        docker.docker("build", "--network", "host", "--tag", shapes.FOREIGN, folder)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a container printed until it was ready, and the exit code after a SIGTERM."""

    log: tuple[str, ...]
    code: str

    @property
    def identity(self) -> tuple[str, ...]:
        """The identity lines."""
        return tuple(line for line in self.log if line.startswith("IDENTITY "))

    @property
    def probe(self) -> tuple[str, ...]:
        """Everything else."""
        return tuple(line for line in self.log if not line.startswith("IDENTITY "))


def write(shape: Shape, folder: Path) -> Path:
    """The app of a shape as a folder."""
    for path, text in shape.tree.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())
    return folder


def stamp_of(folder: Path) -> Stamp:
    """The stamp of a deploy of this folder."""
    app = read_source(folder, IGNORE)
    return Stamp(app.version, app.tree.digest, "c0ffee", RUN_ID)


def stamp_of_sealed(folder: Path) -> Stamp:
    """The stamp that `seal` has written."""
    stamp = Stamp.parse((folder / "build_stamp.json").read_text())
    assert stamp
    return stamp


def level(folder: Path) -> ProofLevel:
    """The strongest proof that the app allows."""
    return level_of(read_source(folder, IGNORE), stamp_of(folder), Purpose())


def seal(folder: Path) -> None:
    """Adds the generated files of a sealed delivery, as a deploy does on the host."""
    for path, data in deliver(
        read_source(folder, IGNORE), stamp_of(folder), Purpose(Proof.SEALED)
    ).contents.items():
        (folder / path).write_bytes(data)


def build(docker: Engine, folder: Path, tag: str) -> str:
    """Builds as the Supervisor does: `Dockerfile.<arch>` is preferred. Returns the output."""
    own = folder / "Dockerfile.amd64"
    file = own if own.is_file() else folder / "Dockerfile"
    args = ["--build-arg", "BUILD_VERSION=1.2.3", "--build-arg", "BUILD_ARCH=amd64"]
    if (folder / "build.yaml").is_file():
        args += ["--build-arg", f"BUILD_FROM={shapes.HA_ALPINE}"]
    return docker.docker("build", "--network", "host", *args, "--file", str(file), "--tag", tag, str(folder))


def observe(docker: Engine, image: str) -> Seen:
    """Starts a container with some environment, waits until its probe is ready, and ends it."""
    name = f"lab-{time.time_ns()}"
    odd = ("-e", "discovery.type=single", "-e", "TWO=a\nb c.d=e", "-e", "odd-name=x\ny")
    docker.docker("run", "--detach", "--network=host", "--hostname=lab", f"--name={name}", *odd, image)
    try:
        end = time.monotonic() + 60
        while "ready" not in (log := docker.docker("logs", name)).splitlines():
            state = docker.docker("inspect", "-f", "{{.State.Status}}", name).strip()
            if state != "running" or time.monotonic() > end:
                break
            time.sleep(0.05)
        docker.docker("kill", "--signal=TERM", name, check=False)
        code = docker.docker("wait", name, timeout_s=20).strip()
        return Seen(tuple(log.splitlines()), code)
    finally:
        docker.docker("rm", "--force", name, check=False)
