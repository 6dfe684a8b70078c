"""The command of `sandbox run` ends with it, in whatever moment the interrupt comes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from types import FrameType
from typing import Any, cast

import pytest

from bb8deploy.base.errors import UsageError
from ha_sandbox.run import command
from ha_sandbox.sandbox import Sandbox

BOX = cast("Sandbox", None)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def handled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SIGTERM raises, as in the program; a command gets nothing of a host."""
    monkeypatch.setattr(command, "environment_of", lambda _box: {})
    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


def test_an_interrupt_while_the_command_starts_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command runs before the call that starts it returns; without its process nobody could end it."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(real(*words, **options))
        os.kill(os.getpid(), signal.SIGTERM)
        return started[0]

    monkeypatch.setattr(command.subprocess, "Popen", popen)
    monkeypatch.setattr(command, "_OWN_END", 0.0)
    with pytest.raises(KeyboardInterrupt):
        command.run_command(BOX, ["sleep", "600"])
    assert started[0].poll() == -signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is interrupt


def test_a_signal_that_is_ignored_stays_ignored_for_the_command() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert command.run_command(BOX, ["sh", "-c", "kill -HUP $$; exit 5"]) == 5
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_program_that_cannot_be_run_is_one_error() -> None:
    with pytest.raises(UsageError) as caught:
        command.run_command(BOX, ["/etc/hostname"])
    assert caught.value.code == "SANDBOX_COMMAND_MISSING"
