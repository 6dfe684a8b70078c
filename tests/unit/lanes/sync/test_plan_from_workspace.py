"""An app is read as the Supervisor reads it: a Dockerfile may be a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.lanes.sync.plan_from_workspace import read_source
from bb8deploy.overlay.delivery_draft import Purpose
from bb8deploy.overlay.proof_level import level_of
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.ignore_patterns import Ignore

DOCKERFILE = 'FROM alpine:3.23\nCMD ["/run.sh"]\n'


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app whose Dockerfile is in a folder of its own."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "config.yaml").write_text('name: A\nversion: "1"\nslug: a\ndescription: x\narch: [amd64]\n')
    return tmp_path


@pytest.mark.parametrize("hops", [["docker/Dockerfile"], ["docker/own", "Dockerfile"]], ids=["link", "chain"])
def test_a_dockerfile_that_is_a_link_is_sealed(app: Path, hops: list[str]) -> None:
    (app / "Dockerfile").symlink_to(hops[0])
    for hop in hops[1:]:
        (app / hops[0]).symlink_to(hop)
    source = read_source(app, Ignore.parse(""))
    assert source.texts["Dockerfile"] == DOCKERFILE.encode()
    stamp = Stamp("1", source.tree.digest, "none", "run-1")
    assert level_of(source, stamp, Purpose()).proof is Proof.SEALED


def test_a_link_to_a_folder_is_not_a_dockerfile(app: Path) -> None:
    (app / "Dockerfile").symlink_to("docker")
    assert "Dockerfile" not in read_source(app, Ignore.parse("")).texts
