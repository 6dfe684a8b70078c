"""A Dockerfile is followed step by step, and a slow step is done once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ha_sandbox.runtime import build as module
from ha_sandbox.runtime import dockerfile
from ha_sandbox.runtime.base import BuildFailed, BuildRequest
from ha_sandbox.runtime.build import Build, Image


class Recorder:
    """Stands for the jail: writes a file where the script says so."""

    def __init__(self, code: int = 0) -> None:
        self.scripts: list[str] = []
        self.code = code

    def __call__(
        self, tree: Path, script: str, folder: str, environment: Mapping[str, str]
    ) -> tuple[int, str]:
        self.scripts.append(script)
        (tree / "made").write_text(f"{folder} {environment.get('NAME', '')}")
        return self.code, "said so"


def follow(tmp_path: Path, text: str, runner: Recorder, args: Mapping[str, str] | None = None) -> Image:
    context = tmp_path / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(text)
    request = BuildRequest("probe", "1", context, context / "Dockerfile", args or {})
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "tree").mkdir(exist_ok=True)
    return Build(request, tmp_path / "tree", tmp_path / "cache", runner, "seed").follow()


def test_copy_args_env_and_workdir_do_what_docker_does(tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / "app").mkdir(parents=True)
    (context / "app" / "a.py").write_text("a")
    (context / "app" / "skip.pyc").write_text("b")
    (context / ".dockerignore").write_text("**/*.pyc\n")
    (context / "run.sh").write_text("r")
    text = (
        "ARG BASE=python:3\nFROM ${BASE}\nARG NAME=one\nENV PLACE=/srv/$NAME\nWORKDIR ${PLACE}\n"
        'COPY app ./app\nCOPY run.sh stamp.jso[n] ./\nCMD ["python", "-m", "app"]\n'
    )
    image = follow(tmp_path, text, Recorder(), {"NAME": "two"})
    tree = tmp_path / "tree"
    assert (tree / "srv/two/app/a.py").read_text() == "a"
    assert not (tree / "srv/two/app/skip.pyc").exists()
    assert (tree / "srv/two/run.sh").read_text() == "r"
    assert (image.workdir, image.command) == ("/srv/two", ["python", "-m", "app"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ARG BUILD_FROM\nFROM $BUILD_FROM\n", "base name ($BUILD_FROM) should not be blank"),
        ("FROM x\nCOPY nothing /\n", '"/nothing": not found'),
        ("FROM x\nRUN false\n", "exit code: 1"),
        ("FROM x\nDANCE\n", "unknown instruction: DANCE"),
        ("RUN true\n", "no build stage"),
    ],
)
def test_what_does_not_build_says_where_and_why(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        follow(tmp_path, text, Recorder(code=1))
    assert why in caught.value.log
    assert ">>>" in caught.value.log


def test_a_slow_step_is_taken_from_the_cache_until_what_it_sees_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHE_WORTH", 0.0)
    context = tmp_path / "context"
    context.mkdir()
    (context / "requirements.txt").write_text("one")
    text = "FROM x\nCOPY requirements.txt /\nRUN install\n"
    first, second, third = Recorder(), Recorder(), Recorder()
    follow(tmp_path, text, first)
    (tmp_path / "tree" / "made").unlink()
    follow(tmp_path, text, second)
    assert (first.scripts, second.scripts) == (["install"], [])
    assert (tmp_path / "tree" / "made").is_file()
    (context / "requirements.txt").write_text("two")
    follow(tmp_path, text, third)
    assert third.scripts == ["install"]


def test_a_health_check_is_read_with_its_times(tmp_path: Path) -> None:
    text = "FROM x\nHEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --retries=5 CMD check me\n"
    image = follow(tmp_path, text, Recorder())
    assert image.health == {
        "command": ["/bin/sh", "-c", "check me"],
        "interval": 90.0,
        "timeout": 0.5,
        "start_period": 2.0,
        "retries": 5,
    }


def test_continued_lines_join_without_a_line_break_and_comments_between_them_vanish() -> None:
    steps = dockerfile.steps("FROM x\n# note\nRUN a; \\\n  # note\n  b\n")
    assert [(step.name, step.text, step.line) for step in steps] == [("FROM", "x", 1), ("RUN", "a;   b", 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$A-${A}", "1-1"), ("${B:-two}", "two"), ("${A:+yes}", "yes"), (r"\$A", "$A"), ("$B.", ".")],
)
def test_variables_expand_as_in_docker(text: str, expected: str) -> None:
    assert dockerfile.expand(text, {"A": "1"}) == expected
