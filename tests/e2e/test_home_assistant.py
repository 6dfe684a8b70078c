"""The app beside the real Home Assistant Core: runs the story in ha_story.py beside one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ops.lab.core_root import core_root
from ops.lab.errors import LabUnavailable

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(2400)
def test_home_assistant_shows_every_entity_reaches_the_robot_and_heals(tmp_path: Path) -> None:
    try:
        core_root()
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    story = Path(__file__).with_name("ha_story.py")
    inside = [sys.executable, "-m", "pytest", str(story), "-x", "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "ops.lab.core", *inside, f"--basetemp={tmp_path / 'story'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=880)
    print(done.stdout[-6000:], done.stderr[-3000:])
    assert done.returncode == 0
