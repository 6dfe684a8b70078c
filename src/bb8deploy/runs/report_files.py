"""Writes into `reports/`: whole files and whole lines, and one error in words if that is not possible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bb8deploy.base.atomic_files import append_line, write_text
from bb8deploy.catalogue.errors.tool import REPORTS_UNWRITABLE


def save(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replaces a report by `text`. Raises UsageError if the folder takes no files."""
    with _explained(path):
        write_text(path, text, mode=mode)


def append(path: Path, line: str) -> None:
    """Appends one line to a report. Raises UsageError if the folder takes no files."""
    with _explained(path):
        append_line(path, line)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise REPORTS_UNWRITABLE(f"{path} cannot be written: {error.strerror}", _unblock(path)) from error


def _unblock(path: Path) -> str:
    """What to do if a file has the place of a folder, or a folder that of the file; else empty."""
    for folder in path.parents:
        if folder.is_file() or (folder.is_symlink() and not folder.exists()):
            return f"Move or delete the file {folder}: bb8deploy needs a folder there."
    return f"Move or delete the folder {path}: bb8deploy needs a file there." if path.is_dir() else ""
