"""The pages that are written from the code say what the code says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
from ops.docs import generate
from tests.unit.house.sources import ROOT, SANDBOX, TOOL, modules


@pytest.mark.parametrize("page", sorted(generate.PAGES))
def test_the_page_is_what_the_generator_writes(page: str) -> None:
    assert (ROOT / page).read_text(encoding="utf-8") == generate.PAGES[page](), (
        "run `python -m ops.docs.generate`"
    )


def test_the_check_names_what_is_stale_by_its_exit_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.docs.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_every_command_has_its_place_in_the_reference() -> None:
    from bb8deploy.cli.command_groups import COMMANDS

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert not [name for name in COMMANDS if f"## bb8deploy {name.replace('_', '-')}" not in text]


def test_every_setting_is_in_the_example() -> None:
    from bb8deploy.settings.settings_table import KEYS

    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert not [key.name for key in KEYS if not any(line.startswith(f"#{key.name}=") for line in lines)]


def test_the_unchanged_example_sets_nothing() -> None:
    """A copied .env.example must not carry another user's host into a deploy."""
    from dotenv import dotenv_values

    assert dict(dotenv_values(ROOT / ".env.example")) == {}


def test_every_variable_that_the_source_reads_for_itself_is_reported() -> None:
    own = {
        node.value
        for module in (*modules(TOOL), *modules(SANDBOX))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"BB8DEPLOY_[A-Z]+", node.value)
    }
    assert own == {name for name, _ in generate.ENVIRONMENT if name.startswith("BB8DEPLOY_")}
