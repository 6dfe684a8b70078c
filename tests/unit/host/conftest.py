"""The shells that an app's host may have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.host.localhost import SHELLS, LocalTransport, Place, local_transport

from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.files.ssh_folder import SshFiles
from bb8deploy.host.shell.run_programs import Shell


@pytest.fixture(params=SHELLS)
def transport(request: pytest.FixtureRequest) -> Iterator[LocalTransport]:
    """This machine, under each shell in turn."""
    with local_transport(request.param) as made:
        yield made


@pytest.fixture(params=[*SHELLS, "mount"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An app folder that does not exist yet, under each shell and as a mounted share."""
    runtime = tmp_path / "addons/beep é"
    runtime.parent.mkdir()
    if request.param == "mount":
        yield Place(runtime, MountFiles(runtime), None)
        return
    with local_transport(request.param) as made:
        shell = Shell(made, str(runtime))
        yield Place(runtime, SshFiles(shell), shell)
