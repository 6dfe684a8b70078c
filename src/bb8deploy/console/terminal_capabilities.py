"""What a stream can show: its width, its colors, and writing to it without ever failing a run."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TextIO

from bb8deploy.catalogue.errors.tool import STDOUT_UNWRITABLE

ERASE = "\x1b[2K\r"
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_HASH = re.compile(r"\b([0-9a-f]{12})(?:[0-9a-f]{28}|[0-9a-f]{52})\b")


class ReaderGone(Exception):
    """The reader of a document has closed the pipe. That is not a failure."""


def is_plain() -> bool:
    """True if only plain lines may be printed: no frames, nothing that moves."""
    return os.environ.get("TERM") == "dumb" or bool(os.environ.get("BB8DEPLOY_PLAIN"))


def columns_of(stream: TextIO) -> int:
    """Columns of this terminal (COLUMNS overrides), 100 if unknown."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 100
    except (OSError, ValueError):
        return 100


def painted(text: str, style: str, stream: TextIO) -> str:
    """The text in a style if the stream is a terminal that shows colors."""
    if not style or not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def shortened(text: str, stream: TextIO) -> str:
    """The text with 12 digits of each hash if it goes to a terminal."""
    return _HASH.sub(r"\1", text) if stream.isatty() else text


def send(stream: TextIO, text: str, *, needed: bool = False) -> None:
    """Writes immediately. Output that cannot be written is dropped from then on.

    With `needed`, raises ReaderGone for a closed pipe, CheckFailed for any other reason.
    """
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            stream.write(text.encode("ascii", "replace").decode())
        stream.flush()
    except (OSError, ValueError) as error:
        _drop(stream)
        if needed and isinstance(error, BrokenPipeError):
            raise ReaderGone from error
        if needed:
            reason = getattr(error, "strerror", None) or error
            raise STDOUT_UNWRITABLE(f"the output cannot be written: {reason}") from error


def _drop(stream: TextIO) -> None:
    """Drops everything that is written to the stream from now on, also at the interpreter's exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
