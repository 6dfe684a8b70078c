"""Finds in the source every code that an error or a finding can have, and which exit code goes with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bb8deploy import errors

TOOL = Path(errors.__file__).parent
PAGES = TOOL / "pages"


@dataclass(frozen=True, slots=True)
class Use:
    """A place that uses a code: `by` is the name that is called, such as CheckFailed or Finding."""

    code: str
    by: str
    path: Path
    line: int


@cache
def uses() -> tuple[Use, ...]:
    """Every use of a code in the source, in the order of files and lines."""
    return tuple(use for path in sorted(TOOL.rglob("*.py")) for use in _in_file(path))


@cache
def literals() -> frozenset[str]:
    """Every string literal of the source: codes also travel in tables and constants."""
    return frozenset(
        node.value
        for path in TOOL.rglob("*.py")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def exit_code(name: str) -> int | None:
    """The exit code of an error class, its own or that of the class of the tree that it derives from."""
    seen = name
    while not isinstance(known := getattr(errors, seen, None), type):
        if seen not in _bases():
            return None
        seen = _bases()[seen]
    return known.exit_code if issubclass(known, errors.Bb8Error) else None


def title(code: str) -> str:
    """What the first line of a code's page says behind the code."""
    first = (PAGES / f"{code}.md").read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix(f"# {code}: ")


def _in_file(path: Path) -> Iterator[Use]:
    tree = _tree(path)
    factories = _factories(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if name in {"Finding", "Rule", "__init__", *factories} or exit_code(name) is not None:
            given += node.args[:1]
        elif name in {"warn", "fail"}:  # a line of diagnose: its code comes last
            given += node.args[3:4]
        for part in (part for one in given for part in ast.walk(one)):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and _looks_like(part.value):
                yield Use(part.value, name, path, part.lineno)


def _looks_like(text: str) -> bool:
    shaped = text.isascii() and text.isupper() and text.replace("_", "").isalnum()
    return shaped and ("_" in text or text in {"INTERNAL", "INTERRUPTED"})


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def _bases() -> dict[str, str]:
    """Each class of the source that derives from one other by name."""
    return {
        node.name: base.id
        for path in TOOL.rglob("*.py")
        if path.name != "errors.py"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }


def _factories(tree: ast.Module) -> set[str]:
    """Functions whose first argument is called `code`: they make errors or findings of it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [one.arg for one in node.args.args if one.arg not in {"self", "cls"}]
            if names[:1] == ["code"]:
                found.add(node.name)
    return found
