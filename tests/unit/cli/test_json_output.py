"""`--json`: one document on stdout and nothing else, in any locale and with any wish for colors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "FORCE_COLOR": "1"}
COMMANDS = ["validate --no-tests", "status", "diagnose", "report"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with characters that ASCII does not have, and one run to report on."""
    folder = tmp_path_factory.mktemp("work") / "zoë ✓"
    (folder / "addon").mkdir(parents=True)
    text = 'name: Zoë ✓ 灯\nversion: "1.0.0"\nslug: lamp\ndescription: x\narch: [amd64]\n'
    (folder / "addon" / "config.yaml").write_text(text, encoding="utf-8")
    json_of(folder, "validate --no-tests", "")
    return folder


def json_of(
    folder: Path, words: str, redirect: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """A command with `--json`, by a shell that redirects its streams."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {**keep, "PYTHONPATH": str(ROOT / "src"), "HA_SSH_HOST_ALIAS": "", **environment}
    line = f'"$0" -m bb8deploy {words} --json {redirect}'
    argv = ["sh", "-c", line, sys.executable]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, timeout=100)


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("environment", [ASCII, {"NO_COLOR": "1"}], ids=["C", "NO_COLOR"])
def test_stdout_is_one_document_of_ascii(workspace: Path, words: str, environment: dict[str, str]) -> None:
    done = json_of(workspace, words, "", **environment)
    document = json.loads(done.stdout.decode("ascii"))
    assert document.get("exit_code", 0) == done.returncode
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", COMMANDS)
def test_a_closed_stdout_is_one_error(workspace: Path, words: str) -> None:
    done = json_of(workspace, words, ">&-")
    assert done.returncode == 1
    assert done.stderr.count(b"error STDOUT_UNWRITABLE: ") == 1
    assert b"Traceback" not in done.stderr
