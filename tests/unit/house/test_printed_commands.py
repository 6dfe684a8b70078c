"""Every `bb8deploy ...` that a message can contain can be pasted, with the options of the run.

The walk covers all strings of the code: a new line of output cannot escape it.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from ops.docs import commands
from tests.unit.house.sources import ROOT, SANDBOX, TOOL, modules

from bb8deploy.catalogue.code_lookup import entries
from bb8deploy.cli.command_groups import COMMANDS, START
from bb8deploy.cli.suggested_commands import TAKES, carrier, given, options_of
from bb8deploy.lanes.rollout.host_commands import RollbackHost
from bb8deploy.runs.run import RESUMABLE, resume_command

NAMES = tuple(name.replace("_", "-") for name in COMMANDS)
MARKED = re.compile(r"`bb8deploy ([^`\n]+)`")
BARE = re.compile(rf"bb8deploy ({'|'.join(NAMES)})\b")
# A pattern of commands, not one to type.
PATTERN = re.compile(r"\.\.\.|\w\|\w")
RUNS = {
    "one target": options_of(["kitchen"], Path("../my app"), "mount"),
    "an instance": [
        *options_of(["my kitchen"], None, "ssh", "beta", "sealed"),
        *given({"--ports": "+1000", "--no-start": True, "--backup": True, "--no-validate": True}),
    ],
    "several targets": [
        *options_of(["a", "b"], Path("app")),
        *given({"--canary": 0, "--wave": 2, "--max-failures": 3, "--pause": 1.5}),
    ],
    "a removal": [*options_of(["attic"], None), *given({"--remove-config": True, "--discard-edits": True})],
}
# Text that names a command without backticks, by module: the title of a page, the name of an author, and
# lines that have a test of their own below or in tests/integration.
UNMARKED = {
    "cli/command_groups.py": 4,
    "cli/start/demo.py": 1,
    "checks/output/markdown_summary.py": 1,
    "lanes/demo/demo.py": 1,
    "lanes/diagnose/text_output.py": 1,
    "lanes/new/next_steps.py": 5,
    "plan/release/release_plan.py": 1,
    "ha_sandbox/supervisor/api/host_info.py": 2,
}


@dataclass(frozen=True)
class Said:
    """A string of the code, with its module."""

    module: str
    text: str


@cache
def said() -> tuple[Said, ...]:
    """Every string of the tool and the sandbox but docstrings, patterns, and explanations that print no
    command to run: the reasons in the catalogue."""
    reasons = {entry.why for entry in entries().values()}  # type: ignore[attr-defined]
    found = [
        Said(module.path.relative_to(ROOT / "src").as_posix(), text)
        for module in (*modules(TOOL), *modules(SANDBOX))
        for text in _texts(module.tree)
    ]
    return tuple(one for one in found if one.text not in reasons and "(`?)" not in one.text)


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every string literal but docstrings; a hole in an f-string becomes a word."""
    skipped = {id(text) for text in _docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{(\w+)\}", r"\1", node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (str(v.value) if isinstance(v, ast.Constant) else "HOLE" for v in node.values)
            # A hole at the end of a word is punctuation or a choice of words, not a word of its own.
            yield re.sub(r"(?<=[\w.])HOLE", "", "".join(parts))


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    """Those of modules, classes and functions, and strings that stand alone to describe a value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def marked(text: str) -> list[str]:
    """The commands in a text, without `bb8deploy`."""
    return [command for command in MARKED.findall(text) if not PATTERN.search(command)]


@cache
def printed() -> tuple[str, ...]:
    """Every command of a message; found when first asked for, because it parses all of the code."""
    return tuple(sorted({command for one in said() for command in marked(one.text)}))


def test_the_walk_finds_the_commands_of_every_part() -> None:
    modules_with = {one.module.split("/")[1] for one in said() if marked(one.text)}
    assert modules_with >= {"catalogue", "cli", "host", "lanes", "plan", "settings", "workspace"}
    assert len(printed()) > 50


def test_the_command_line_takes_every_command_of_a_message() -> None:
    wrong = {command: why for command in printed() if (why := commands.problem(tuple(shlex.split(command))))}
    assert not wrong


@pytest.mark.parametrize("run", RUNS)
def test_it_takes_them_with_the_options_of_the_run(run: str) -> None:
    complete = carrier(RUNS[run])
    wrong = {}
    for command in printed():
        (whole,) = marked(complete(f"`bb8deploy {command}`"))
        words = tuple(shlex.split(whole))
        wrong[whole] = commands.problem(words) or _lost(words, run, shlex.split(command))
    assert not {command: why for command, why in wrong.items() if why}


def _lost(words: tuple[str, ...], run: str, before: list[str]) -> str:
    """The option of the run that a command takes and does not have, empty if there is none."""
    command, *rest = words
    resumed = command == "release" and "--resume" in rest
    for name, value in RUNS[run]:
        if command not in TAKES[name] or (name, resumed) == ("--target", True):
            continue
        if command == "validate" and any(not word.startswith("-") for word in rest):
            continue  # the folders are named
        if name not in rest:
            return f"{name} is missing"
        if value and name not in {"--target", *before} and rest[rest.index(name) + 1] != value:
            return f"{name} is not {value}"
    return ""


def test_a_command_without_backticks_gets_no_options_and_is_listed_here() -> None:
    found = Counter(
        one.module.removeprefix("bb8deploy/")
        for one in said()
        for _ in BARE.findall(MARKED.sub("", one.text))
    )
    assert dict(found) == UNMARKED


def test_the_first_screen_lists_commands_that_exist() -> None:
    lines = re.findall(r"^  bb8deploy (.+?)(?:  |$)", START, re.MULTILINE)
    assert len(lines) == 5
    assert [why for line in lines if (why := commands.problem(tuple(line.split())))] == []


@pytest.mark.parametrize("command", RESUMABLE)
@pytest.mark.parametrize("targets", [(), ("kitchen",), ("my kitchen", "attic")])
def test_the_command_that_continues_a_run_can_be_pasted(command: str, targets: tuple[str, ...]) -> None:
    words = shlex.split(resume_command(f"{command} patch", targets))
    assert words[0] == "bb8deploy"
    assert commands.problem(tuple(words[1:])) == ""


def test_a_rollback_of_several_hosts_continues_with_its_version() -> None:
    """Without the version, the hosts that are left would go back to their earlier trees."""
    from bb8deploy.lanes.host_session import Access

    words = shlex.split(RollbackHost(Access(), "1.2.0").resume(("a", "b")))
    assert words == ["bb8deploy", "rollback", "1.2.0", "--target", "a", "--target", "b", "--resume"]
    assert commands.problem(tuple(words[1:])) == ""


def test_a_command_for_one_host_is_not_given_several_targets() -> None:
    """The command line would take the last one, and say nothing."""
    complete = carrier(options_of(["a", "b"], None))
    assert complete("`bb8deploy logs`") == "`bb8deploy logs --target NAME`"
    assert complete("`bb8deploy status`") == "`bb8deploy status --target a --target b`"
