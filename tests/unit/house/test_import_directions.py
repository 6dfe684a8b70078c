"""Holds the plan of the house: which room may know of which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.unit.house.sources import ADDON, ROOT, SANDBOX, TOOL, Module, modules

GROUND = {"__version__", "base", "catalogue"}
# Room -> rooms that it may import. What is not named here may not be imported.
MAY: dict[str, set[str]] = {
    "base": {"__version__"},
    "catalogue": {"base"},
    "settings": GROUND,
    "workspace": GROUND | {"settings"},
    "checks": GROUND | {"settings", "workspace"},
    "plan": GROUND | {"settings", "workspace"},
    "transport": GROUND | {"settings"},
    "host": GROUND | {"settings", "workspace", "transport"},
    "runs": GROUND | {"settings", "workspace"},
    "lanes": GROUND | {"settings", "workspace", "checks", "plan", "transport", "host", "runs"},
    "console": GROUND | {"runs"},
    "cli": GROUND | {"settings", "workspace", "checks", "plan", "host", "runs", "lanes", "console"},
    "__main__": {"__version__", "console", "cli"},
}
# What the sandbox, a package of its own, may import of bb8deploy.
SANDBOX_MAY = {"base", "catalogue", "checks"}


def _crossings(module: Module) -> list[tuple[str, int]]:
    """The rooms of bb8deploy that a module imports, its own left out."""
    names = [(name.split("."), line) for name, line in module.imports()]
    return [
        (parts[1], line)
        for parts, line in names
        if parts[0] == "bb8deploy" and len(parts) > 1 and parts[1] != module.room
    ]


@pytest.mark.parametrize("room", sorted({module.room for module in modules(TOOL)} - {""}))
def test_each_room_imports_only_the_rooms_below_it(room: str) -> None:
    assert room in MAY, f"{room} is new: say in MAY what it may import, and in docs/ARCHITECTURE.md why"
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line} imports {other}"
        for module in modules(TOOL)
        if module.room == room
        for other, line in _crossings(module)
        if other not in MAY[room]
    ]
    assert not wrong


def test_the_sandbox_imports_only_the_rooms_that_it_may() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line} imports {name}"
        for module in modules(SANDBOX)
        for name, line in module.imports()
        if name.startswith("bb8deploy.") and name.split(".")[1] not in SANDBOX_MAY
    ]
    assert not wrong


def test_the_package_itself_imports_nothing() -> None:
    (package,) = (module for module in modules(TOOL) if module.name == "bb8deploy")
    assert list(package.imports()) == []


def test_the_plan_of_the_house_has_no_circle() -> None:
    left = {room: set(others) - GROUND for room, others in MAY.items()}
    while left:
        free = [room for room, others in left.items() if not others & left.keys()]
        assert free, f"these rooms know each other in a circle: {sorted(left)}"
        for room in free:
            del left[room]


def test_the_addon_and_the_tool_do_not_know_each_other() -> None:
    crossed = [
        f"{module.path.relative_to(ROOT)}:{line}"
        for folder, foreign in ((ADDON, "bb8deploy"), (TOOL, "bb8_core"))
        for module in modules(folder)
        for name, line in module.imports()
        if name.split(".")[0] == foreign
    ]
    assert not crossed


# What reaches out of a function: files, processes, networks, clocks, chance.
OUTSIDE = {
    "asyncio", "http", "multiprocessing", "os", "random", "secrets", "select", "shutil", "signal", "socket",
    "ssl", "subprocess", "sys", "tempfile", "threading", "time",
}  # fmt: skip


@pytest.mark.parametrize("folder", [TOOL / "plan", ADDON / "robot"], ids=lambda folder: folder.name)
def test_plans_and_the_robots_protocol_are_pure(folder: Path) -> None:
    reaching = [
        f"{module.path.relative_to(ROOT)}:{line} imports {name}"
        for module in modules(folder)
        for name, line in module.imports()
        if name.split(".")[0] in OUTSIDE
    ]
    assert not reaching


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


# What Windows does not have. `machine` says what stands in for it there; the sandbox is for unix alone.
UNIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}
UNIX_CALLS = {"fork", "getpgid", "kill", "killpg", "mkfifo", "setsid", "sysconf"}


def test_the_workstations_side_asks_the_machine_room_for_what_only_unix_has() -> None:
    rooms = [m for m in modules(TOOL) if m.name not in {"bb8deploy.base.machine", *SANDBOX_ONLY}]
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


def test_only_the_console_prints() -> None:
    printing = [
        f"{module.path.relative_to(ROOT)}:{node.lineno}"
        for module in modules(TOOL)
        if module.name != "bb8deploy.console"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call | ast.Attribute) and _prints(node)
    ]
    # `--version` answers before anything is imported.
    assert [place.split(":")[0] for place in printing] == ["src/bb8deploy/__main__.py"]


def _prints(node: ast.Call | ast.Attribute) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
        return True
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)):
        return False
    stream = node.value
    return (
        node.attr in {"write", "writelines", "buffer"}
        and stream.attr in {"stdout", "stderr"}
        and isinstance(stream.value, ast.Name)
        and stream.value.id == "sys"
    )


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
    (common,) = (module for module in modules(TOOL) if module.name == "bb8deploy.cli.common")
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
