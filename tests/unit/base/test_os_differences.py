"""Locks that die with their holder, and processes that live and end, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bb8deploy.base.os_differences import end_group, ended, exclusive, is_alive, tethered

HOLD = """
import sys, pathlib
from bb8deploy.base.os_differences import exclusive
with exclusive(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _holder(path: Path) -> subprocess.Popen[bytes]:
    """Another process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def test_a_lock_that_another_process_holds_is_not_given(tmp_path: Path) -> None:
    holder = _holder(tmp_path / "deep" / "lock")
    try:
        with (
            pytest.raises(BlockingIOError, match="locked by another"),
            exclusive(tmp_path / "deep" / "lock", wait=False),
        ):
            pytest.fail("two hold it")
    finally:
        _end(holder)


def test_a_lock_is_given_when_its_holder_is_done_or_killed(tmp_path: Path) -> None:
    done, killed = _holder(tmp_path / "a"), _holder(tmp_path / "b")
    _end(done)
    killed.send_signal(signal.SIGKILL)
    _end(killed)
    with exclusive(tmp_path / "a", wait=False), exclusive(tmp_path / "b", wait=False):
        pass


def test_who_waits_gets_the_lock_after_the_holder(tmp_path: Path) -> None:
    first, path = _holder(tmp_path / "lock"), tmp_path / "lock"
    second = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    _end(first)
    assert second.communicate(timeout=100)[0] == b"held\n"
    assert second.returncode == 0


def test_a_process_lives_until_it_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(process.pid)
    process.communicate()
    assert not is_alive(process.pid)
    assert is_alive(os.getpid())
    assert is_alive(1)  # another user's, where we are not root


def test_the_end_of_a_group_takes_what_it_started_along() -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True
    )
    with process:
        assert process.stdout
        child = int(process.stdout.readline())
        end_group(process)
        assert process.returncode == -signal.SIGKILL
        # The child's end of the pipe closes with it.
        assert process.stdout.read() == b""
    assert child > 0


HOLDS = """
import subprocess, sys, time
from bb8deploy.base.os_differences import tethered
program = "import os, sys, time; print(os.getpid(), repr(sys.stdin.read()), flush=True); time.sleep(600)"
command = tethered([sys.executable, "-c", program])
held = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED: no process groups on Windows")
def test_what_is_tethered_ends_with_its_holder_even_by_kill_9() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout
        assert holder.stdout.readline().split()[1:] == [b"''"]
        holder.kill()
        # The pipe is held by the tethered command and its child too: it closes when both have ended.
        assert holder.stdout.read() == b""


@pytest.mark.parametrize(
    ("program", "code"), [("raise SystemExit(5)", 5), ("", 0), ("import os; os.abort()", 134)]
)
def test_a_tethered_command_ends_as_it_would_by_itself(program: str, code: int) -> None:
    command = tethered([sys.executable, "-c", program])
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert process.wait(60) == code
    end_group(process)
    assert process.stdin
    assert process.stdin.closed


def test_a_process_that_has_ended_keeps_its_number_until_its_group_is_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(5)"], start_new_session=True)
    assert ended(process, 60)
    assert ended(process, 0)
    if hasattr(os, "waitid"):
        assert process.returncode is None
    end_group(process)
    assert process.returncode == 5
    assert ended(process, 0)


def test_a_process_that_runs_has_not_ended() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    assert not ended(process, 0.05)
    end_group(process)
    assert ended(process, 0)
