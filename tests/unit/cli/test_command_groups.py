"""The command line from outside: version, help, typos, completion, and what no command caught."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bb8deploy import __version__
from bb8deploy.cli.command_groups import COMMANDS, GROUPS, build

ROOT = Path(__file__).parents[3]
RUN = "20261123T093000Z-a1b2c3"
AUTHOR = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")


def bb8(*words: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a user does."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100", **environment}
    argv = [sys.executable, "-m", "bb8deploy", *words]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=100)


def test_the_version_is_one_line_alone_and_with_other_words() -> None:
    for words in (["--version"], ["--version", "deploy"]):
        done = bb8(*words)
        assert (done.stdout, done.stderr, done.returncode) == (f"bb8deploy {__version__}\n", "", 0)


@pytest.mark.parametrize(("after", "code"), [(">/dev/full", 1), (">&-", 1), ("| true", 0)])
@pytest.mark.parametrize("asked", ["--version", "rules --json", "report --json"])
def test_output_that_cannot_be_printed_is_one_error(
    asked: str, after: str, code: int, tmp_path: Path
) -> None:
    """`report` has no run to report on, which is an error of its own with the exit code 2."""
    words = f"(sleep 0.2; {shlex.quote(sys.executable)} -m bb8deploy {asked}; echo $? >&2) {after}"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    env.pop("PYTHONUNBUFFERED", None)  # with which nothing is left to write at the exit
    argv = ["sh", "-c", words]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100)
    assert done.stderr.splitlines()[-1] == ("2" if "report" in asked else str(code)), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("STDOUT_UNWRITABLE") == code


@pytest.mark.parametrize("to", ["/dev/full", "&-"])
def test_help_that_cannot_be_printed_is_not_a_defect(to: str) -> None:
    words = f"{shlex.quote(sys.executable)} -m bb8deploy deploy --help >{to}"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["sh", "-c", words], env=env, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr.split(":")[0]) == (1, "error STDOUT_UNWRITABLE")


def test_help_lists_the_commands_in_their_groups_within_80_columns() -> None:
    done = bb8("--help", COLUMNS="80")
    assert done.returncode == 0
    assert "Four lanes" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    at = [done.stdout.index(f"\n{title}:\n") for title in GROUPS]
    assert at == sorted(at)
    listed = done.stdout[at[0] :].splitlines()
    names = [line.split()[0].replace("-", "_") for line in listed if re.match(r"  [a-z-]+  ", line)]
    assert names == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_fits_80_columns(name: str) -> None:
    from typer.main import get_command

    root = get_command(build([name]))
    command = root.commands[name.replace("_", "-")]  # type: ignore[attr-defined]
    context = root.make_context("bb8deploy", [], resilient_parsing=True, terminal_width=80)
    own = command.make_context(name, [], parent=context, resilient_parsing=True)
    assert [line for line in command.get_help(own).splitlines() if len(line) > 80] == []


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
    assert done.stderr.startswith("error USAGE_INVALID: ")
    assert done.stdout == ""


def test_a_value_that_is_no_choice_is_named_with_the_choices_alone() -> None:
    done = bb8("new", "lamp", "--language", "rust")
    said = "invalid value for '--language': 'rust' is not one of 'python', 'shell'"
    assert done.stderr.splitlines()[0] == f"error USAGE_INVALID: {said}"


@pytest.mark.parametrize("words", [["relase"], ["deploy", "--targte", "x"], ["validate", "--mode", "both"]])
def test_a_wrong_command_line_with_json_is_one_document(words: list[str]) -> None:
    done = bb8(*words, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit_code"], document["verdict"]) == (2, 2, "FAIL")
    assert document["error"]["code"] == "USAGE_INVALID"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("bb8deploy rel", ["release"]),
        ("bb8deploy validate --no", ["--no-tests"]),
        ("bb8deploy sandbox d", ["down"]),
        ("bb8deploy explain SSH_LO", ["SSH_LOST"]),
        ("bb8deploy deploy --target k", ["kitchen"]),
        ("bb8deploy rollback 1.", ["1.1.0", "1.0.0"]),
        ("bb8deploy report --run 2026", [RUN]),
        ("bb8deploy verify-evidence rep", [f"reports/runs/{RUN}"]),
        ("bb8deploy schema sync", ["sync_contract_v1"]),
        ("bb8deploy rules bu", ["build"]),
    ],
)
def test_a_shell_completes_commands_options_and_values(
    tmp_path: Path, typed: str, offered: list[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.bb8deploy]\n")
    (tmp_path / ".env.kitchen").touch()
    (tmp_path / "reports" / "runs" / RUN).mkdir(parents=True)
    env = {"GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["tag", "1.0.0"]):
        subprocess.run(["git", *AUTHOR, *words], cwd=tmp_path, check=True, env={**os.environ, **env})
    subprocess.run(["git", *AUTHOR, "tag", "-m", "x", "1.1.0"], cwd=tmp_path, check=True)
    count = str(len(typed.split()) - 1)
    done = bb8(folder=tmp_path, _BB8DEPLOY_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=count)
    assert (done.stdout.split(), done.stderr) == (offered, "")


def test_completion_outside_of_a_workspace_is_silent(tmp_path: Path) -> None:
    typed = "bb8deploy deploy --target k"
    done = bb8(folder=tmp_path, _BB8DEPLOY_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD="3")
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_shown_and_is_one(shell: str) -> None:
    done = bb8("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "_BB8DEPLOY_COMPLETE" in done.stdout
    if program := shutil.which(shell):
        checked = subprocess.run([program, "-n"], input=done.stdout, text=True, capture_output=True)
        assert checked.returncode == 0, checked.stderr


def test_a_defect_outside_of_any_command_is_reported_in_words(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['bb8deploy.cli.command_groups'] = None\n"
    )
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
