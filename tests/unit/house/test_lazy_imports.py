"""Keeps the start of the program light: heavy libraries come with the command that needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.unit.house.sources import ROOT

HEAVY = {
    "amqtt", "anyio", "dockerfile_parse", "dotenv", "httpx", "jinja2", "mcp", "paho", "paramiko", "pydantic",
    "rich", "ruamel", "tomlkit", "voluptuous", "websockets", "yaml", "zeroconf",
}  # fmt: skip


def _loaded(*words: str) -> set[str]:
    """The top-level packages that a run of the command line has imported when it ends."""
    program = (
        "import sys\n"
        f"sys.argv = ['bb8deploy', *{list(words)!r}]\n"
        "from bb8deploy.__main__ import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "sys.stderr.write(' '.join({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_version_is_reported_before_anything_is_imported() -> None:
    assert not _loaded("--version") & (HEAVY | {"typer", "importlib.metadata", "json"})


@pytest.mark.parametrize("words", [("--help",), ("-h",)])
def test_help_imports_no_heavy_library(words: tuple[str, ...]) -> None:
    loaded = _loaded(*words)
    assert "typer" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("command", ["validate", "deploy", "release", "publish", "config", "mcp"])
def test_the_help_of_a_command_imports_what_typer_itself_needs_and_no_more(command: str) -> None:
    """Typer asks pydantic to read the parameters of a command; nothing of ours does at that time."""
    assert not _loaded(command, "--help") & (HEAVY - {"pydantic"})
