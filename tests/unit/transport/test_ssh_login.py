"""Whether there is a terminal to ask for a password."""

from __future__ import annotations

import io

import pytest

from bb8deploy.transport.ssh_login import terminal_prompt


def test_a_closed_stdin_is_not_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.StringIO()
    stdin.close()
    monkeypatch.setattr("sys.stdin", stdin)
    assert terminal_prompt() is None
