"""Runs an author's regular expression with a deadline: a pattern may be broken, or never finish."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import voluptuous as vol

DEADLINE = 0.5  # CPU seconds, the same on a busy machine; a pattern that fits takes microseconds
_LOST = 60.0  # seconds for a process that computes this long, where its CPU time cannot be limited
_EASY = 12  # characters: no pattern takes long on so little
_REPEATS = re.compile(r"[*+?{]")
_PROGRAM = """
import re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
except ImportError:
    pass
pattern, text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass").split("\\0")
sys.exit(0 if re.match(pattern, text) else 9)
"""


class _Late(Exception):
    """The deadline has passed."""


@lru_cache(maxsize=512)
def fits(pattern: str, text: str) -> bool:
    """Whether the beginning of `text` fits `pattern`, as `re.match` decides.

    Raises vol.Invalid with `error_type` "pattern" if the pattern is not a regular expression, or does not
    finish within DEADLINE seconds of CPU time.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError, MemoryError) as error:
        raise _unusable(f"the pattern {pattern} is not a regular expression: {error}") from error
    if len(text) <= _EASY or len(_REPEATS.findall(pattern)) <= 1:
        return bool(compiled.match(text))
    return _with_deadline(compiled, text)


def _unusable(message: str) -> vol.Invalid:
    return vol.Invalid(message, error_type="pattern")


def _with_deadline(compiled: re.Pattern[str], text: str) -> bool:
    late = f"the pattern {compiled.pattern} does not finish within {DEADLINE:g} s on {len(text)} characters"
    if _has_timer():
        try:
            with _alarm():
                return bool(compiled.match(text))
        except _Late:
            raise _unusable(late) from None
    return _in_a_process(compiled.pattern, text, late)


def _has_timer() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def _alarm() -> Iterator[None]:
    """Raises _Late in here after the deadline; a timer of other code continues afterwards."""

    def ring(_number: int, _frame: object) -> None:
        raise _Late

    before = signal.signal(signal.SIGVTALRM, ring)
    left, every = signal.setitimer(signal.ITIMER_VIRTUAL, DEADLINE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, max(left - DEADLINE, 0.01) if left else 0, every)
        signal.signal(signal.SIGVTALRM, before)


def _in_a_process(pattern: str, text: str, late: str) -> bool:
    """For threads and systems without timers: a process can be ended from outside."""
    sent = f"{pattern}\0{text}".encode("utf-8", "surrogatepass")
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM]
    try:
        done = subprocess.run(command, input=sent, capture_output=True, timeout=_LOST, check=False)
    except subprocess.TimeoutExpired:
        raise _unusable(late) from None
    if done.returncode < 0:  # a signal: its CPU time is used up
        raise _unusable(late)
    return done.returncode == 0


def compiles(pattern: str) -> bool:
    """Whether the text is a regular expression at all."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError, MemoryError):
        return False
    return True
