"""docs/dependencies.md has a row for each direct dependency, and none for anything else."""

from __future__ import annotations

import re
import tomllib

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
    assert rows("The extra `demo`") == names(PROJECT["project"]["optional-dependencies"]["demo"])


def test_each_tool_has_a_row() -> None:
    groups = PROJECT["dependency-groups"]
    assert rows("Building and development") == names(groups["build"]) | names(groups["dev"])


def test_each_dependency_of_the_app_has_a_row() -> None:
    assert rows("The app") == names((ROOT / "addon" / "requirements.in").read_text().splitlines())
