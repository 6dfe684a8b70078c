"""Without namespaces run.sh still runs; its paths are passed in the environment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.integration.waiting import until

from ha_sandbox import Sandbox
from ha_sandbox.runtime import bubblewrap

SLUG = "local_beep_boop_bb8"


def check_that_it_runs(box: Sandbox, probe: Path, word: str) -> None:
    """Installs the probe, and asserts that it reports its option and has the token."""
    box.install(probe, {"word": word})
    until(lambda: "has token" in box.manager.log_of(SLUG).latest(100))
    assert f'"word": "{word}"' in box.manager.log_of(SLUG).latest(100)
    assert box.call("GET", f"/addons/{SLUG}/info")["state"] == "started"


def test_run_sh_runs_unchanged_without_namespaces(
    tmp_path: Path, probe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bubblewrap, "allowed", lambda: False)
    with Sandbox(tmp_path / "host") as box:
        assert "s6 scripts" in box.runtime_way
        check_that_it_runs(box, probe, "plain")


def test_a_command_with_an_absolute_path_is_found_in_the_image_without_namespaces(
    tmp_path: Path, probe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bubblewrap, "allowed", lambda: False)
    shutil.rmtree(probe / "services.d")
    (probe / "Dockerfile").write_text(
        'FROM probe\nCOPY run.sh /opt/probe/run.sh\nCMD ["bash", "/opt/probe/run.sh"]\n'
    )
    with Sandbox(tmp_path / "host") as box:
        check_that_it_runs(box, probe, "absolute")
