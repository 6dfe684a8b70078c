"""Reads the project's own source for the tests that hold its rules."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "src" / "bb8deploy"
SANDBOX = ROOT / "src" / "ha_sandbox"
ADDON = ROOT / "addon" / "bb8_core"
APPS = (TOOL / "lanes" / "demo" / "sample", TOOL / "lanes" / "new" / "template")
"""The app that the demo releases, and the files of new apps; they are data to the tool."""


@dataclass(frozen=True)
class Module:
    """One file: its path, its dotted name and its text; it is parsed when `tree` is first asked for."""

    path: Path
    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text, str(self.path))

    @property
    def room(self) -> str:
        """The part of the house it belongs to: `lanes` for bb8deploy.lanes.sync.sync."""
        return room_of(self.name)

    def imports(self) -> Iterator[tuple[str, int]]:
        """Every imported module's dotted name with its line, those inside of functions included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                # `from bb8deploy import errors` names the room in the alias alone.
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        above = parts if self.path.name == "__init__.py" else parts[:-1]
        kept = above[: len(above) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


def room_of(name: str) -> str:
    """The second part of a dotted name, empty for the package itself."""
    return name.split(".")[1] if "." in name else ""


@cache
def modules(folder: Path) -> tuple[Module, ...]:
    """Every Python file of a package or folder of tests."""
    return tuple(
        _module(path, folder.parent)
        for path in sorted(folder.rglob("*.py"))
        if not any(app in path.parents for app in APPS)
    )


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows and that is there, by its path relative to the project."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(Path(name) for name in done.stdout.split("\0") if name and (ROOT / name).is_file())


def _module(path: Path, base: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    parts = path.relative_to(base).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(path, name, text)
