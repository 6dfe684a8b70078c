"""Reads files that users write or link to; whatever is there instead is an OSError, never a hang."""

from __future__ import annotations

import errno
import os
import select
import sys
import time
from pathlib import Path

from bb8deploy.base.untrusted_json import JsonObject

MOST = 32_000_000
"""Bytes; no file that a user writes is longer."""
PATIENCE = 30.0
"""Seconds in which a pipe has to give all that it has; a password manager may serve a file as one."""


def is_there(path: Path) -> bool:
    """Whether the folder has this name, also for a link that leads nowhere or in a circle."""
    return os.path.lexists(path)


def read_user_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises OSError, with a reason to show in `strerror`."""
    # Without O_NONBLOCK, opening a pipe waits for a program that writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError as error:
        if not path.is_symlink():
            raise
        raise FileNotFoundError(
            errno.ENOENT, "it is a link to a file that does not exist", str(path)
        ) from error
    except OSError as error:
        raise OSError(error.errno, _reason(error), str(path)) from error
    try:
        return _all_of(handle, path)
    finally:
        os.close(handle)


def read_user_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark, with `\\n` as line ends.

    Raises OSError, with a reason to show in `strerror`.
    """
    try:
        text = read_user_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise OSError(errno.EILSEQ, f"line {line} is not UTF-8 text", str(path)) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise OSError(errno.EILSEQ, f"line {line} has a NUL byte; it is not a text", str(path))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_user_toml(path: Path) -> JsonObject | None:
    """The tables of a file, None if it is not there. Raises OSError, with a reason to show in `strerror`."""
    import tomllib

    if not is_there(path):
        return None
    try:
        return tomllib.loads(read_user_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error


def _all_of(handle: int, path: Path) -> bytes:
    data = bytearray()
    deadline = time.monotonic() + PATIENCE
    while len(data) <= MOST:
        if not _has_more(handle, deadline - time.monotonic()):
            reason = f"it is a pipe or device from which nothing came for {PATIENCE:g} seconds"
            raise OSError(errno.ETIMEDOUT, reason, str(path))
        chunk = os.read(handle, 1 << 20)
        if not chunk:
            return bytes(data)
        data += chunk
    raise OSError(errno.EFBIG, f"it is longer than {MOST // 1_000_000} MB", str(path))


def _has_more(handle: int, seconds: float) -> bool:
    """Waits for data or the end. A file always has one; Windows can wait for sockets only."""
    if sys.platform == "win32":
        return True
    return bool(select.select([handle], [], [], max(0.0, seconds))[0])


def _reason(error: OSError) -> str:
    looped = error.errno == errno.ELOOP
    return "it is a link that leads back to itself" if looped else error.strerror or str(error)
