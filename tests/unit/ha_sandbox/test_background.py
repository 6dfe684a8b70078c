"""A sandbox in the background is known by its state file, and never taken for another process."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from bb8deploy.base.errors import Bb8Error
from ha_sandbox import background


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    background.write_state(tmp_path, {"HA_URL": "http://127.0.0.1:1"})
    return tmp_path


def test_a_sandbox_is_known_by_its_process(folder: Path) -> None:
    assert background.running(folder) == os.getpid()
    background.remove_state(folder)
    assert background.running(folder) is None


def test_a_file_in_the_place_of_the_folder_has_no_sandbox(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("kept")
    assert background.running(tmp_path / "notes.txt") is None
    with pytest.raises(Bb8Error, match=r"notes\.txt cannot be the host's folder") as caught:
        background.need_free(tmp_path / "notes.txt")
    assert caught.value.code == "SANDBOX_NO_FOLDER"
    assert (tmp_path / "notes.txt").read_text() == "kept"


def test_a_process_that_got_the_number_of_a_killed_sandbox_is_not_stopped(folder: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("SKIPPED: this system does not show when a process started")
    file = folder / "state" / "sandbox.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "born": "1"}))
    assert background.running(folder) is None
    with pytest.raises(Bb8Error, match="there is no sandbox"):
        background.stop(folder)
    background.need_free(folder)
    assert not file.exists()


def test_the_command_that_stops_a_running_sandbox_can_be_pasted(folder: Path) -> None:
    spaced = folder.rename(folder.with_name("my host"))
    with pytest.raises(Bb8Error) as caught:
        background.need_free(spaced)
    command = caught.value.remedy.split("`")[1]
    assert shlex.split(command)[-2:] == ["--root", str(spaced)]


def test_the_state_of_an_earlier_release_names_a_process_alone(folder: Path) -> None:
    file = folder / "state" / "sandbox.json"
    state = json.loads(file.read_text())
    del state["born"]
    file.write_text(json.dumps(state))
    assert background.running(folder) == os.getpid()
