"""The command line from outside: version, help, typos, completion, and what no command caught."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bb8deploy import __version__
from bb8deploy.cli.app import COMMANDS, build

ROOT = Path(__file__).parents[3]


def bb8(*words: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a user does."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100", **environment}
    argv = [sys.executable, "-m", "bb8deploy", *words]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=100)


def test_the_version_is_one_line_alone_and_with_other_words() -> None:
    for words in (["--version"], ["--version", "deploy"]):
        done = bb8(*words)
        assert (done.stdout, done.stderr, done.returncode) == (f"bb8deploy {__version__}\n", "", 0)


def test_help_tells_the_story_and_lists_the_commands_in_its_order() -> None:
    done = bb8("--help")
    assert done.returncode == 0
    assert "Four lanes" in done.stdout
    listed = done.stdout.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0].replace("-", "_") for line in listed if line.startswith("  ") and line[2] != " "]
    assert sorted(names) == sorted(COMMANDS)


def test_without_a_command_the_help_is_shown() -> None:
    done = bb8()
    assert "Four lanes" in done.stdout + done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_built_alone_as_it_is_among_all(name: str) -> None:
    from typer.main import get_command

    alone, among = get_command(build([name])), get_command(build())
    word = name.replace("_", "-")
    assert word in alone.commands  # type: ignore[attr-defined]
    assert [p.name for p in alone.commands[word].params] == [p.name for p in among.commands[word].params]  # type: ignore[attr-defined]
    assert among.commands[word].help  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["relase"], "'release'"),
        (["valdate"], "'validate'"),
        (["verify-evidense"], "'verify-evidence'"),
        (["validate", "--no-test"], "--no-tests"),
        (["deploy", "--targte", "x"], "--target"),
        (["sandbox", "upp"], "'up'"),
    ],
)
def test_a_typo_gets_a_suggestion_and_exit_code_2(words: list[str], meant: str) -> None:
    done = bb8(*words)
    assert done.returncode == 2
    assert meant in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("bb8deploy rel", ["release"]),
        ("bb8deploy validate --no", ["--no-tests"]),
        ("bb8deploy sandbox d", ["down"]),
    ],
)
def test_a_shell_is_offered_commands_and_options(typed: str, offered: list[str]) -> None:
    count = str(len(typed.split()) - 1)
    done = bb8(_BB8DEPLOY_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=count)
    assert done.stdout.split() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_shown_and_is_one(shell: str) -> None:
    done = bb8("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "_BB8DEPLOY_COMPLETE" in done.stdout
    if program := shutil.which(shell):
        checked = subprocess.run([program, "-n"], input=done.stdout, text=True, capture_output=True)
        assert checked.returncode == 0, checked.stderr


def test_a_defect_outside_of_any_command_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['bb8deploy.cli.app'] = None\n")
    path = f"{tmp_path}{os.pathsep}{ROOT / 'src'}"
    done = bb8("deploy", PYTHONPATH=path)
    assert done.returncode == 1
    assert "error INTERNAL: bb8deploy has a defect: ModuleNotFoundError" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_who_leaves_early_ends_a_document_without_a_word() -> None:
    argv = [sys.executable, "-m", "bb8deploy", "schema", "config"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(argv, stdout=theirs, stderr=subprocess.PIPE, env=env, timeout=100)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")
