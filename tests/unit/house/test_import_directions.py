"""What rooms may import and do: the contracts of import-linter, and what it cannot check."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest
from tests.unit.house.sources import ROOT, TOOL, modules


def test_the_contracts_of_pyproject_hold() -> None:
    """Packages import downwards only, plans are pure, tool and app are separate: see [tool.importlinter]."""
    pytest.importorskip("importlinter", reason="import-linter comes with requirements-dev.lock")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "addon")])}
    words = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports as lint; exit(lint(no_cache=True))",
    ]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_package_itself_imports_nothing() -> None:
    (package,) = (module for module in modules(TOOL) if module.name == "bb8deploy")
    assert list(package.imports()) == []


@pytest.mark.parametrize("room", ["checks", "host", "lanes", "plan", "settings", "transport", "workspace"])
def test_no_room_knows_that_a_host_may_be_the_sandbox(room: str) -> None:
    """The sandbox is a target like any other: no name and no text of the rooms' code speaks of it."""
    knowing = [
        f"{module.path.relative_to(ROOT)}:{node.lineno}"
        for module in modules(TOOL)
        if module.room == room
        for node in ast.walk(module.tree)
        if isinstance(node, ast.expr) and "sandbox" in _spelled(node).lower()
    ]
    assert not knowing


def _spelled(node: ast.expr) -> str:
    """The name or text that a node of the code carries; docstrings and comments are for people."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return "" if " " in node.value else node.value
    return ""


# What Windows does not have. `machine` has the replacements; the sandbox is for unix alone.
UNIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}
UNIX_CALLS = {"fork", "getpgid", "kill", "killpg", "mkfifo", "setsid", "sysconf"}


def test_the_workstations_side_asks_the_machine_room_for_what_only_unix_has() -> None:
    rooms = [m for m in modules(TOOL) if m.name not in {"bb8deploy.base.os_differences", *SANDBOX_ONLY}]
    imported = [
        f"{module.path.relative_to(ROOT)}:{line} imports {name}"
        for module in rooms
        for name, line in module.imports()
        if name.split(".")[0] in UNIX_MODULES
    ]
    called = [
        f"{module.path.relative_to(ROOT)}:{node.lineno} os.{node.attr}"
        for module in rooms
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("os", name) for name in UNIX_CALLS}
    ]
    assert imported + called == []


# What needs the sandbox, which is for unix alone.
SANDBOX_ONLY = {"bb8deploy.cli.start.sandbox", "bb8deploy.lanes.demo.demo"}


def test_only_lanes_emit_tokens() -> None:
    emitting = {
        module.room
        for module in modules(TOOL)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"emit", "skip", "drift"}
        and _names_the_ledger(node.func.value)
    }
    # cli.common writes the DRIFT line of a run that ended in an error; tokens it never writes.
    assert emitting == {"lanes", "cli"}
    (common,) = (module for module in modules(TOOL) if module.name == "bb8deploy.cli.open_run")
    assert ".emit(" not in common.text
    others = [m.name for m in modules(TOOL) if m.room == "cli" and "ledger.emit(" in m.text]
    assert not others


def _names_the_ledger(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "ledger") or (
        isinstance(node, ast.Name) and node.id == "ledger"
    )


def test_only_the_ledger_writes_the_word_token_at_the_start_of_a_line() -> None:
    """A literal `TOKEN:` anywhere else could put a line into a receipt that no observation stands behind."""
    writing = {
        module.name
        for module in modules(TOOL)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("TOKEN:")
    }
    assert writing == set()
