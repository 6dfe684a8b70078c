"""A home folder that cannot be written gets one clear error from every command that needs the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.desk import isolate_git

from bb8deploy.lanes.demo.sample import write_sample

NO_HOME = "/proc/no-such-home"
"""Not even root can create a folder there."""
pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="SKIPPED: there is no /proc here")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample app as a workspace."""
    isolate_git(tmp_path, monkeypatch)
    write_sample(tmp_path / "workspace")
    return tmp_path / "workspace"


@pytest.mark.parametrize(
    "command", [["validate"], ["demo"], ["sandbox", "up"], ["release", "patch"]], ids=" ".join
)
def test_one_error_names_the_variable(workspace: Path, tmp_path: Path, command: list[str]) -> None:
    dropped = {"BB8DEPLOY_CACHE", "XDG_CACHE_HOME"}
    environment = {k: v for k, v in os.environ.items() if k not in dropped} | {"HOME": NO_HOME}
    done = subprocess.run(
        [sys.executable, "-m", "bb8deploy", *command],
        cwd=workspace,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )
    shown = done.stdout + done.stderr
    assert done.returncode in {1, 2, 3}, shown
    assert "INTERNAL" not in shown
    assert "Traceback" not in shown
    if command[0] != "release":  # it stops earlier: no host is set
        assert shown.count("error CACHE_UNWRITABLE") == 1, shown
        assert "BB8DEPLOY_CACHE" in shown
