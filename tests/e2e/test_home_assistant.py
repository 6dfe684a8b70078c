"""The add-on beside the real Home Assistant Core: runs the story in ha_story.py inside the rig."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ops.lab.errors import LabUnavailable
from ops.lab.home_assistant import rig_environment, rig_file

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_home_assistant_shows_every_entity_reaches_the_robot_and_heals(tmp_path: Path) -> None:
    try:
        rig, environment = rig_file(), rig_environment()
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    story = Path(__file__).with_name("ha_story.py")
    # The rig's own client leaves closing its sockets to the garbage collector.
    quiet = ["-W", "ignore::ResourceWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning"]
    inside = [sys.executable, "-m", "pytest", str(story), "-x", "-q", "-p", "no:cacheprovider", *quiet]
    command = [sys.executable, str(rig), "exec", "--", *inside, f"--basetemp={tmp_path / 'story'}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=880)
    print(done.stdout[-6000:], done.stderr[-3000:])
    assert done.returncode == 0
