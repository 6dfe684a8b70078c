"""What differs between operating systems: locks that die with their holder, the life and end of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

HAS_CHANGE_TIMES = sys.platform != "win32"
"""Whether `st_ctime` is the time of the last change; on Windows it is when the file was made."""
RETRY = 0.2  # seconds between two tries, where the system cannot wait for a lock itself

# Runs a command and watches its own input, which ends when the process at the other end ends.
_TETHER = """
import os, signal, subprocess, sys, threading

def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)

threading.Thread(target=watch, daemon=True).start()
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
sys.exit(code if code >= 0 else 128 - code)
"""


def real_path(path: Path) -> Path:
    """`path` without links. A link in a circle stays one; Path.resolve raises for it before Python 3.13."""
    return Path(os.path.realpath(path))


def user_and_machine() -> str:
    """Who runs this process: `user@machine`; the user's number if it has no name."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return f"{user}@{socket.gethostname()}"


def stop_signals() -> tuple[signal.Signals, ...]:
    """SIGINT, SIGTERM, and SIGHUP where it exists and is not ignored, as it is below nohup."""
    hangup = getattr(signal, "SIGHUP", None)
    heard = hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *((hangup,) if hangup and heard else ()))


@contextmanager
def handling(signals: Iterable[signal.Signals], handler: Callable[[int, object], None]) -> Iterator[None]:
    """Handles these signals by `handler` within the block, then as before; for the main thread only."""
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def exclusive(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds the lock on a file, which is created if it is missing. It is released when the process ends.

    Raises BlockingIOError if another process holds it and `wait` is False.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        while not _take(handle, wait=wait):
            if not wait:
                raise BlockingIOError(f"{path} is locked by another process")
            time.sleep(RETRY)
        yield


@contextmanager
def single_keys() -> Iterator[Callable[[float], str]]:
    """Reads single keys of this terminal without echo: the yielded function waits so many seconds for one.

    It returns an empty text if none came. On Windows, or without a terminal, no key ever comes.
    """
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield _no_key
        return
    import select
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def read(seconds: float) -> str:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        return os.read(descriptor, 1).decode("ascii", "ignore") if ready else ""

    try:
        tty.setcbreak(descriptor)
        yield read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def is_alive(pid: int) -> bool:
    """Whether a process of this machine has not ended yet, whichever user it belongs to."""
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def tethered(command: Sequence[str]) -> list[str]:
    """The command, wrapped so that its group ends with this process, by `kill -9` too; unchanged on Windows.

    Start it with `start_new_session` and a pipe as its input. The command itself reads an empty input.
    """
    if sys.platform == "win32":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TETHER, *command]


def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Waits at most `seconds` for the end of a process; returns whether it has ended.

    Leaves it to be reaped: until then its number is not given to another process, whose group a later
    `killpg` would hit instead.
    """
    if process.returncode is None and not hasattr(os, "waitid"):  # macOS before Python 3.13, and Windows
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    end, pause = time.monotonic() + seconds, 0.001
    while process.returncode is None and hasattr(os, "waitid"):
        try:
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                return True
        except ChildProcessError:  # another thread has reaped it
            return True
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return process.returncode is not None


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that was started with `start_new_session`, and all that it started; then reaps it.

    Do not reap it before, see `ended`.
    """
    if sys.platform == "win32":
        words = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(words, capture_output=True, check=False, timeout=60)
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


if sys.platform == "win32":
    import msvcrt

    def _take(handle: IO[str], *, wait: bool) -> bool:  # noqa: ARG001 - msvcrt cannot wait for long enough
        handle.seek(0)
        with suppress(OSError):
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        return False

    def _is_alive_on_windows(pid: int) -> bool:
        """os.kill would end it here: asks for a handle, and whether that is signalled yet."""
        import ctypes

        synchronize, still_running = 0x00100000, 0x00000102
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(synchronize, False, pid)
        if not handle:
            return False
        try:
            return int(kernel.WaitForSingleObject(handle, 0)) == still_running
        finally:
            kernel.CloseHandle(handle)

else:
    import fcntl

    def _take(handle: IO[str], *, wait: bool) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
