"""A conversation with a program on the host: its answer is whole within one deadline."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bb8deploy.base.errors import Unreachable
from bb8deploy.host.shell import run_programs
from bb8deploy.host.shell.run_programs import Conversation


class Trickling:
    """A stream that gives one byte each second of a clock that it turns itself, and never an end."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self, *, deadline: float) -> bytes:
        if deadline <= 0:
            raise Unreachable("SSH_DEADLINE", "late", "Wait.")
        self.now += 1.0
        return b"x"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was not asked for")


def test_an_answer_that_trickles_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Trickling()
    monkeypatch.setattr(run_programs, "time", SimpleNamespace(monotonic=lambda: stream.now))
    with pytest.raises(Unreachable):
        Conversation(stream, "mark", "host").answer(deadline=20.0)
    assert stream.now == 20.0
