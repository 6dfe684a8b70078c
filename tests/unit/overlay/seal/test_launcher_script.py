"""The launcher reports a run.sh that is there, whichever way the app starts it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bb8deploy.host.supervisor.route_interface import Look
from bb8deploy.lanes.diagnose import known_problem_facts
from bb8deploy.overlay.seal.launcher_script import SEAL, launcher
from bb8deploy.plan.known_problems import Observed
from bb8deploy.plan.logs.identity_line import newest
from bb8deploy.plan.sync_plan import Stamp

STAMP = Stamp("1.0.0", "sha256:1", "none", "run-1")


def report(folder: Path) -> str:
    """What the launcher prints in a container whose root is `folder`."""
    text = launcher(STAMP).replace(SEAL, "seen=1 differ=0 extra=0 not-seen=0")
    script = folder / "launch"
    script.write_text(text.replace("in /run.sh", f"in {folder}/run.sh"))
    return subprocess.run(["sh", script, "true"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("mode", [0o755, 0o644], ids=["run by its path", "run by a shell"])
def test_a_run_sh_is_seen_with_and_without_its_executable_bit(tmp_path: Path, mode: int) -> None:
    (tmp_path / "run.sh").write_text("true")
    (tmp_path / "run.sh").chmod(mode)
    said = newest([report(tmp_path).strip()])
    assert said is not None
    assert said.run_sh


def test_a_launcher_that_sees_no_run_sh_does_not_say_that_there_is_none(tmp_path: Path) -> None:
    line = report(tmp_path).strip()
    assert "run-sh" not in line
    seen = known_problem_facts._with_look(Observed(), Look(None, (line,)))
    assert seen.run_sh_reported
    own = known_problem_facts._with_look(Observed(), Look(None, (line.partition(" seen=")[0],)))
    assert not own.run_sh_reported
