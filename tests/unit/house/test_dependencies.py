"""docs/dependencies.md has a row for each direct dependency, and none for anything else."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.unit.house.sources import ROOT

TEXT = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names(requirements: list[str]) -> set[str]:
    return {match[0].lower() for line in requirements if (match := re.match(r"[\w.-]+", line))}


def rows(heading: str) -> set[str]:
    section = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(heading)]
    return set(re.findall(r"^\| ([a-z][a-z0-9.-]*) \|", text, re.MULTILINE)) - {"package"}


def test_each_dependency_of_the_package_has_a_row() -> None:
    assert rows("The package") == names(PROJECT["project"]["dependencies"])
    for extra, requirements in PROJECT["project"]["optional-dependencies"].items():
        assert rows(f"The extra `{extra}`") == names(requirements)


def test_each_tool_has_a_row() -> None:
    groups = PROJECT["dependency-groups"]
    assert rows("Building and development") == names(groups["build"]) | names(groups["dev"])
    assert rows("The website") == names(groups["site"])


def test_each_dependency_of_the_app_has_a_row() -> None:
    assert rows("The app") == names((ROOT / "addon" / "requirements.in").read_text().splitlines())


def imported(text: str) -> set[str]:
    """The top-level packages that a module imports as soon as it is loaded."""
    found: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_the_environment_of_the_app_s_tests_has_what_they_import() -> None:
    """Lane 1 installs these two files only, while this venv has all that the repository needs.

    A package that this venv lacks is one that this system does not get; the tests that need it are skipped.
    """
    files = [ROOT / folder / "requirements.txt" for folder in ("addon", "tests/addon")]
    installed = names([line for file in files for line in file.read_text().splitlines()])
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "addon").rglob("*.py")]
    packages = set().union(*map(imported, texts)) - sys.stdlib_module_names - {"bb8_core", "tests"}
    providers = packages_distributions()
    known = packages & set(providers)
    assert {name for name in known if not installed & names(providers[name])} == set()
