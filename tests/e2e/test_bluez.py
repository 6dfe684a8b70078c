"""The link against the real BlueZ and kernel: ten times found, driven, stopped, lost and absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ops.lab.bluetooth import kernel, run_story
from ops.lab.errors import LabUnavailable

STORY = Path(__file__).with_name("ble_story.py")
# Where no kernel is at hand, the first of these builds one.
pytestmark = pytest.mark.timeout(4000)


def told(tmp_path: Path, rounds: int, host: str) -> dict[str, Any]:
    """Run the story and return what it measured."""
    try:
        kernel()
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    result = run_story(STORY, (str(rounds), host), tmp_path, timeout_s=500)
    guest_log = (tmp_path / "guest.log").read_text(errors="replace")
    assert "error" not in result, result["error"] + guest_log[-5000:]
    print(json.dumps(result["medians"]), result["counters"])
    return result


def test_the_link_lives_through_ten_rounds_with_bluez(tmp_path: Path) -> None:
    result = told(tmp_path, 10, "deft")
    assert len(result["rounds"]) == 10
    assert result["counters"]["losses"] >= 10
    assert result["states"].count("ready") >= 11
    assert result["states"].count("absent") >= 10
    said, heard = (sum(column) for column in zip(*result["notifications"], strict=True))
    assert 0 < heard <= said, result["notifications"]
    assert result["counters"]["late_answers"] <= 10


def test_a_robot_that_a_killed_bridge_left_connected_is_freed_and_found(tmp_path: Path) -> None:
    result = told(tmp_path, 1, "abandoned")
    assert result["states"].count("ready") >= 2


def test_a_host_that_is_busy_for_20_s_after_a_connection_is_survived(tmp_path: Path) -> None:
    result = told(tmp_path, 1, "clumsy")
    assert result["states"].count("ready") >= 2
