"""Finds in the source every code that an error or a finding can have, and which exit code goes with it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bb8deploy.base import errors
from bb8deploy.catalogue.rules import rules

TOOL = Path(errors.__file__).parents[2]
PAGES = TOOL / "bb8deploy" / "pages"


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
def literals() -> dict[str, frozenset[Path]]:
    """Every string literal of the source with the files that hold it: codes also travel in tables."""
    found: dict[str, set[Path]] = defaultdict(set)
    for path in TOOL.rglob("*.py"):
        for node in _nodes(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found[node.value].add(path)
    return {text: frozenset(paths) for text, paths in found.items()}


def exit_code(name: str) -> int | None:
    """The exit code of an error class, its own or that of the class of the tree that it derives from."""
    seen = name
    while not isinstance(known := getattr(errors, seen, None), type):
        if seen not in _bases():
            return None
        seen = _bases()[seen]
    return known.exit_code if issubclass(known, errors.Bb8Error) else None


def documented() -> list[str]:
    """Every code with a page: a file of its own, or a rule of the table."""
    return sorted({page.stem for page in PAGES.glob("*.md")} | rules().keys())


def title(code: str) -> str:
    """What the first line of a code's page says behind the code."""
    if code in rules():
        return rules()[code].title
    first = (PAGES / f"{code}.md").read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix(f"# {code}: ")


def _in_file(path: Path) -> Iterator[Use]:
    for node in _nodes(path):
        if isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            given += [node.args[at] for at in _places(_called(node)) if at < len(node.args)]
            yield from _codes(given, _maker(node, path), path)
        elif isinstance(node, ast.Tuple):  # a table of sayings names the class in the same row
            kinds = [
                one.id for one in node.elts if isinstance(one, ast.Name) and exit_code(one.id) is not None
            ]
            if kinds:
                yield from _codes(node.elts, kinds[0], path)


def _codes(given: Iterable[ast.expr], by: str, path: Path) -> Iterator[Use]:
    for part in (part for one in given for part in ast.walk(one)):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and _looks_like(part.value):
            yield Use(part.value, by, path, part.lineno)


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _maker(node: ast.Call, path: Path) -> str:
    """What the call makes: the class around a `super().__init__`, or what the function says it returns."""
    name = _called(node)
    if name == "__init__":
        return _class_at(path, node.lineno)
    returned = _returns().get(name, name)
    return returned if exit_code(returned) is not None else name


def _class_at(path: Path, line: int) -> str:
    """The innermost class around a line."""
    around = [c for c in _classes(path) if c.lineno <= line <= (c.end_lineno or 0)]
    return max(around, key=lambda c: c.lineno).name if around else ""


@cache
def _classes(path: Path) -> tuple[ast.ClassDef, ...]:
    return tuple(node for node in _nodes(path) if isinstance(node, ast.ClassDef))


def _places(name: str) -> set[int]:
    """Where among its arguments a callable of this name takes a code."""
    takes_it_first = name in {"Finding", "Rule", "found", "__init__"} or exit_code(name) is not None
    return _code_arguments().get(name, set()) | ({0} if takes_it_first else set())


def _looks_like(text: str) -> bool:
    shaped = text.isascii() and text.isupper() and text.replace("_", "").isalnum()
    return shaped and ("_" in text or text in {"INTERNAL", "INTERRUPTED"})


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    """A file's nodes of the kinds that are looked at here; walking a tree is what takes the time."""
    kinds = ast.Call | ast.Tuple | ast.Constant | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return tuple(node for node in ast.walk(tree) if isinstance(node, kinds))


@cache
def _bases() -> dict[str, str]:
    """Each class of the source that derives from one other by name."""
    return {
        node.name: base.id
        for path in TOOL.rglob("*.py")
        if path.name != "errors.py"
        for node in _nodes(path)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }


@cache
def _code_arguments() -> dict[str, set[int]]:
    """The functions and methods of the source that have a parameter `code`, and its places in a call."""
    found: dict[str, set[int]] = defaultdict(set)
    for path in TOOL.rglob("*.py"):
        for node in _nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [one.arg for one in node.args.args if one.arg not in {"self", "cls"}]
                if "code" in names:
                    found[node.name].add(names.index("code"))
    return found


@cache
def _returns() -> dict[str, str]:
    """What each function of the source says that it returns, where that is one name."""
    return {
        node.name: node.returns.id
        for path in TOOL.rglob("*.py")
        for node in _nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and isinstance(node.returns, ast.Name)
    }
