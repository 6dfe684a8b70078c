"""Each code that a user can meet has a page, and each page has a code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.house.sources import PAGES, ROOT, TOOL, Module, modules

from bb8deploy import errors

CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|INTERNAL|INTERRUPTED")
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type)}


def _codes(module: Module) -> Iterator[tuple[str, int]]:
    """Every literal that is given as the code of an error, a finding or a refusal, with its line."""
    subclasses = _error_classes()
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if name in subclasses or name in {"Finding", "__init__"} or _makes_findings(module, name):
            given += node.args[:1]
        for one in given:
            for part in ast.walk(one):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value, part.lineno


def _error_classes() -> set[str]:
    """The error tree and every class in the source that derives from it."""
    known = set(ERRORS)
    derived = {
        (node.name, base.id)
        for module in modules(TOOL)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }
    while new := {name for name, base in derived if base in known} - known:
        known |= new
    return known


def _makes_findings(module: Module, name: str) -> bool:
    """Whether a function of the module returns a Finding or an error: its first argument is a code then."""
    for function in module.functions():
        if function.name != name or not function.args.args:
            continue
        first = [one.arg for one in function.args.args if one.arg not in {"self", "cls"}][:1]
        if first == ["code"]:
            return True
    return False


def used() -> dict[str, str]:
    """Every code in the source, with the first place that uses it."""
    found: dict[str, str] = {}
    for module in modules(TOOL):
        for code, line in _codes(module):
            if CODE.fullmatch(code):
                found.setdefault(code, f"{module.path.relative_to(ROOT)}:{line}")
    return found


def test_each_code_in_the_source_has_a_page() -> None:
    known = {page.stem for page in PAGES.glob("*.md")}
    assert not {code: place for code, place in used().items() if code not in known}


def test_no_page_is_about_a_code_that_nothing_uses() -> None:
    """Codes also travel in tables and constants, so a page counts as used where its code is any literal."""
    literals = {
        node.value
        for module in modules(TOOL)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }
    assert not {page.stem for page in PAGES.glob("*.md")} - literals


def test_the_codes_that_are_found_are_many() -> None:
    """The search itself works: a change of style that hid the codes from it would fail here."""
    assert len(used()) > 150


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_says_what_it_means_why_it_matters_and_what_to_do(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(rf"# {page.stem}: \S.*[^.]", lines[0])
    assert lines[1] == ""
    text = "\n".join(lines[2:])
    assert text.index("**Why it matters.**") < text.index("**What to do.**")
    assert 3 <= len(lines) <= 20
    assert max(map(len, lines)) <= 200
