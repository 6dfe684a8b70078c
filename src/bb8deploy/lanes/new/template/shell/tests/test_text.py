"""Tests of the functions in text.sh."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "@slug@"


def call(*words: str) -> str:
    """What a function of text.sh prints."""
    script = f'. "{APP}/text.sh"; "$@"'
    return subprocess.run(
        ["sh", "-euc", script, "test", *words], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("message", ["Good morning", "100 %s", "-n", "", "a\\nb"])
def test_the_line_has_its_number_and_the_message_as_it_is(message: str) -> None:
    assert call("line", "7", message) == f"7: {message}\n"


def test_run_sh_has_no_syntax_error() -> None:
    subprocess.run(["sh", "-n", str(APP / "run.sh")], check=True)
