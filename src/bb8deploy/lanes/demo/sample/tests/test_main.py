"""What the app says about itself, and how it answers."""

from __future__ import annotations

import json
from pathlib import Path

import main


def test_it_reports_the_stamp_of_the_deploy(tmp_path: Path) -> None:
    stamp = tmp_path / "build_stamp.json"
    stamp.write_text(json.dumps({"version": "1.0.1", "tree": "abc", "commit": "def", "run": "r1"}))
    line = main.identity_line(main.identity(main.load(stamp)))
    assert line.startswith("IDENTITY version=1.0.1 tree=abc commit=def run=r1 python=3.")


def test_without_a_stamp_it_says_unknown(tmp_path: Path) -> None:
    assert main.identity(main.load(tmp_path / "none"))["version"] == "unknown"


def test_an_echo_carries_the_sender_s_id() -> None:
    assert json.loads(main.echo(b'{"cid": "a", "value": 1}') or b"") == {"cid": "a", "value": 1}


def test_what_is_no_echo_is_ignored() -> None:
    assert main.echo(b"hello") is None
    assert main.echo(b"[1]") is None
