"""Holds the shape of the code: short functions and modules, a first line that states the purpose."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from statistics import median

import pytest
from tests.unit.house.sources import ADDON, ROOT, SANDBOX, TOOL, Module, modules, tracked

MAX_FUNCTION, MAX_MODULE, MAX_CLASS, MAX_METHODS, MAX_FOLDER = 60, 400, 200, 20, 12
Function = ast.FunctionDef | ast.AsyncFunctionDef
THIS = Path(__file__).resolve().relative_to(ROOT)
PRODUCT = (*modules(TOOL), *modules(SANDBOX), *modules(ADDON))
ALL = (*PRODUCT, *modules(ROOT / "ops"))


@cache
def functions() -> list[tuple[Module, Function]]:
    """Each function with its module; parsed by the first test that needs them, not at each collection."""
    return [(module, function) for module in ALL for function in module.functions()]


@cache
def classes() -> list[tuple[Module, ast.ClassDef]]:
    """Each class of the product with its module."""
    return [
        (module, node)
        for module in PRODUCT
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    ]


def _lines(function: Function) -> int:
    assert function.end_lineno
    return function.end_lineno - function.lineno + 1


def _place(module: Module, node: Function) -> str:
    return f"{module.path.relative_to(ROOT)}:{node.lineno} {node.name}"


def test_no_function_is_longer_than_a_screen() -> None:
    assert not [_place(m, f) for m, f in functions() if _lines(f) > MAX_FUNCTION]


def test_half_of_the_functions_are_short() -> None:
    assert median(_lines(function) for _, function in functions()) <= 8


def test_few_functions_are_long() -> None:
    long = sum(_lines(function) > 40 for _, function in functions())
    assert long <= len(functions()) * 0.02


def test_no_module_is_longer_than_400_lines() -> None:
    counted = {str(m.path.relative_to(ROOT)): len(m.text.splitlines()) for m in PRODUCT}
    assert not {path: lines for path, lines in counted.items() if lines > MAX_MODULE}


def _methods(node: ast.ClassDef) -> int:
    return sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body)


def test_no_class_has_over_200_lines_or_20_methods() -> None:
    large = {
        f"{module.name}.{node.name}": (lines, _methods(node))
        for module, node in classes()
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_CLASS or _methods(node) > MAX_METHODS
    }
    assert not large


@pytest.mark.parametrize("package", ["bb8deploy", "ha_sandbox"])
def test_no_two_classes_of_a_package_have_the_same_name(package: str) -> None:
    places: dict[str, list[str]] = {}
    for module, node in classes():
        if module.name.split(".")[0] == package:
            places.setdefault(node.name, []).append(module.name)
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_no_folder_has_more_than_12_modules() -> None:
    counted = Counter(m.path.parent for m in ALL if m.path.name != "__init__.py")
    assert not {str(path.relative_to(ROOT)): count for path, count in counted.items() if count > MAX_FOLDER}


def test_values_without_a_type_are_few() -> None:
    """`Any` is for what comes in or goes out as JSON or YAML; rooms hand typed values to each other."""
    texts = [module.text for module in (*modules(TOOL), *modules(SANDBOX))]
    assert sum(len(re.findall(r"(?<!vol\.)\bAny\b", text)) for text in texts) <= 100
    assert sum(text.count("dict[str, Any]") for text in texts) <= 40


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.path.relative_to(ROOT).as_posix())
def test_the_first_line_states_what_the_module_is_for(module: Module) -> None:
    if not module.text.strip():
        return
    said = ast.get_docstring(module.tree)
    assert said, "no docstring"
    first = module.text.splitlines()[0]
    # A program that is run by itself has its interpreter in the first line.
    assert first.startswith(('"""', "#!", 'r"""'))
    assert said.splitlines()[0].rstrip().endswith((".", "?", ":", "`")), said.splitlines()[0]


def test_every_public_class_and_function_has_a_docstring() -> None:
    bare = [
        f"{module.path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for module in (*modules(TOOL), *modules(SANDBOX), *modules(ADDON))
        for node in module.tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not bare


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b")
    ours = [path for path in tracked() if path.suffix in {".py", ".sh", ".yaml", ".yml", ".md", ".toml"}]
    assert not [str(p) for p in ours if p != THIS and marks.search((ROOT / p).read_text(encoding="utf-8"))]


def test_links_are_resolved_by_the_function_that_handles_circular_ones() -> None:
    resolves = re.compile(r"\.resolve\(\)")
    assert not [module.name for module in (*modules(TOOL), *modules(SANDBOX)) if resolves.search(module.text)]


def test_no_committed_file_names_a_folder_of_one_machine() -> None:
    # The checkout that this runs in, whichever machine that is, and the folders of those it was made in.
    here = re.escape(str(ROOT)).encode()
    machine = re.compile(rb"(?<![\w.])(?:%b/|/work/(?:main|shared)|/tmp/brief)" % here)
    named = []
    for path in tracked():
        if path.suffix in {".png", ".ico", ".gz"} or path == THIS:
            continue
        named += [
            f"{path}: {found.group().decode()}" for found in machine.finditer((ROOT / path).read_bytes())
        ]
    assert not named
