"""Scenes as YAML: what is right is read, what is wrong is named with its line, and nothing else is raised."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples

from bb8_core.routines.scene_folder import load_scenes
from bb8_core.routines.scene_reader import (
    BadScene,
    SceneColour,
    SceneDrive,
    SceneGesture,
    SceneTurn,
    SceneWait,
    read_scene,
)

GOOD = """\
steps:
  - colour: blue
  - repeat:
      times: 2
      steps:
        - drive: {speed: 60, seconds: 1.5, heading: 90}
        - turn: -90
  - wait: 0.5
  - gesture: nod
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(BadScene) as bad:
        read_scene("x", text)
    return bad.value.problems


def test_a_scene_is_read_with_its_repeats_written_out() -> None:
    drive, turn = SceneDrive(60, 1.5, 90), SceneTurn(-90)
    steps = (SceneColour((0, 0, 255)), drive, turn, drive, turn, SceneWait(0.5), SceneGesture("nod"))
    assert read_scene("x", GOOD).steps == steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: the file is empty"),
        ("steps:\n  - drive: {speed: 300, seconds: 1}", "line 2: speed must be a number from 0 to 255"),
        ("steps:\n  - wait: 1\n  - drive: {speed: 1.5, seconds: 1}", "line 3: speed must be a whole number"),
        ("steps:\n  - drive:\n      speed: 5", "line 3: drive must have seconds"),
        ("steps:\n  - wait: 1\n  - dance: yes", "line 3: there is no step 'dance'"),
        ("steps:\n  - gesture: jump", "line 2: gesture must be one of dance"),
        ("steps:\n  - colour: blau", "line 2: 'blau' is neither #rrggbb nor one of"),
        ("steps:\n  - wait: .nan", "line 2: wait must be a number from 0 to 60"),
        ("steps:\n  - wait: 1\n   bad", "line 3: not YAML"),
        ("steps: 5", "line 1: steps must be a list"),
        ("steps:\n  - stop", "line 2: a step is one of"),
        ("speed: 5\nsteps:\n  - wait: 1", "line 1: a scene has no 'speed'"),
        ("[]:", "line 1: a scene has no '<sequence>'"),
        ("steps:\n  - {}: 1", "line 2: there is no step '<mapping>'"),
        ("steps:\n  - repeat: {times: 101, steps: [{wait: 1}]}", "line 2: times must be a number"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, expected: str) -> None:
    assert problems(text)[0].startswith(expected)


def test_all_mistakes_are_named_at_once() -> None:
    assert len(problems("steps:\n  - wait: x\n  - turn: 200\n  - gesture: 3")) == 3


def test_a_bomb_of_aliases_and_repeats_is_refused() -> None:
    inner = "{repeat: {times: 100, steps: [{wait: 1}]}}"
    for _ in range(4):
        inner = f"{{repeat: {{times: 100, steps: [{inner}]}}}}"
    assert "at most 500 steps" in problems(f"steps: [{inner}]")[-1]
    aliases = "a: &a [{wait: 1}]\nsteps: [{repeat: {times: 9, steps: *a}}]"
    assert problems(aliases)[0].startswith("line 1: a scene has no 'a'")
    assert problems("steps: &s\n  - repeat: {times: 2, steps: *s}")


@examples(60)
@given(st.text(st.sampled_from("steps:- drive{}[],&*\n 0159wait!%@colour"), max_size=60))
def test_whatever_is_written_there_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadScene):
        assert read_scene("x", text).steps


def test_a_folder_gives_good_scenes_and_names_the_mistakes_of_others(tmp_path: Path) -> None:
    (tmp_path / "party.yaml").write_text(GOOD)
    (tmp_path / "Bad Name.yaml").write_text(GOOD)
    (tmp_path / "wrong.yaml").write_text("steps:\n  - wait: -1")
    (tmp_path / "huge.yaml").write_text("#" * 70000)
    (tmp_path / "latin.yaml").write_bytes(b"# \xe9")
    (tmp_path / "notes.txt").write_text("no scene")
    scenes = load_scenes(tmp_path)
    assert list(scenes.found) == ["party"]
    assert len(scenes.problems) == 4
    assert "wrong.yaml, line 2: wait must be a number from 0 to 60" in scenes.problems
    assert load_scenes(tmp_path / "none").found == {}
