"""The examples of docs/sandbox.md: their files are written and their commands run as they are on the page."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "sandbox.md"
TEXT = PAGE.read_text(encoding="utf-8")
FILES = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^(bb8deploy sandbox run --addon ([a-z]+) .*)$", TEXT, re.MULTILINE)
SHOWN = {"web": "Hello sandbox, this is /api/hassio_ingress/", "greeter": "Hello, Ada", "meter": "230"}
NEEDS = {"web": "curl", "greeter": "bashio", "meter": "mosquitto_sub"}


def test_every_app_of_the_page_has_a_command() -> None:
    assert {name for _, name in COMMANDS} == {file.partition("/")[0] for file in FILES} == set(SHOWN)


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_an_example_does_what_the_page_says(name: str, tmp_path: Path) -> None:
    if shutil.which(NEEDS[name]) is None:
        pytest.skip(f"SKIPPED: this machine has no {NEEDS[name]}")
    for file, text in FILES.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    (command,) = (line for line, app in COMMANDS if app == name)
    # A base image cannot be pulled everywhere: this machine's own programs do.
    words = [word for word in shlex.split(command) if word != "--docker"]
    argv = [sys.executable, "-m", "bb8deploy", *words[1:]]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "logs" / f"local_{name}.log"
    assert SHOWN[name] in done.stdout + (kept.read_text() if kept.exists() else "")
