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
    """Appends one line in a single write and syncs it.

    A kill in the middle can cut the line short, since Linux may end a write at a page; the next append puts
    its line after that rest. Raises OSError if the line did not go in whole, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    binary = getattr(os, "O_BINARY", 0)  # Windows would write other line endings
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | binary, mode)
    try:
        data = (b"\n" if _ends_in_a_rest(handle) else b"") + _bytes(line) + b"\n"
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(handle)
    finally:
        os.close(handle)


def _ends_in_a_rest(handle: int) -> bool:
    """Whether the file's last line has no end: its writer was killed."""
    if os.fstat(handle).st_size == 0:
        return False
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1) != b"\n"


def _bytes(text: str) -> bytes:
    r"""UTF-8; what a file name in another encoding has left in the text is spelled out, such as `\udce9`."""
    return text.encode("utf-8", "backslashreplace")
