"""Tests of the app's main.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import main
import pytest

OPTIONS = {"message": "Good morning", "interval": 1}


def test_options_are_read_as_the_supervisor_writes_them() -> None:
    assert main.read_options(json.dumps(OPTIONS)) == main.Options("Good morning", 1)


def test_options_without_a_message_are_refused() -> None:
    with pytest.raises(KeyError, match="message"):
        main.read_options('{"interval": 1}')


def test_the_app_writes_lines_and_ends_when_it_is_stopped(tmp_path: Path) -> None:
    options = tmp_path / "options.json"
    options.write_text(json.dumps(OPTIONS), encoding="utf-8")
    command = [sys.executable, main.__file__]
    environment = {**os.environ, "OPTIONS_FILE": str(options)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout
        assert [app.stdout.readline() for _ in range(2)] == ["1: Good morning\n", "2: Good morning\n"]
        app.send_signal(signal.SIGTERM)
        assert app.wait(10) == 0
