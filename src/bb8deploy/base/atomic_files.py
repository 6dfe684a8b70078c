"""Files that are whole or not there: temporary file, fsync, rename."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replaces `path` by `data` in one step; creates its folder; on OSError the old file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """`write_bytes` for UTF-8 text; line endings are written unchanged."""
    write_bytes(path, _bytes(text), mode=mode)


def append_line(path: Path, line: str, *, mode: int = 0o600) -> None:
    """Appends one line in a single write and syncs it, so that a kill leaves whole lines only.

    Raises OSError if it did not go in whole, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = _bytes(line) + b"\n"
    binary = getattr(os, "O_BINARY", 0)  # Windows would write other line endings
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | binary, mode)
    try:
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(handle)
    finally:
        os.close(handle)


def _bytes(text: str) -> bytes:
    r"""UTF-8; what a file name in another encoding has left in the text is spelled out, such as `\udce9`."""
    return text.encode("utf-8", "backslashreplace")
