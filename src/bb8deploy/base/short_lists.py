"""Shortens lists of names and lines in messages."""

from __future__ import annotations

from collections.abc import Sequence


def first_few(names: Sequence[str], shown: int) -> str:
    """The first `shown` names with commas between them, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


def first_lines(lines: Sequence[str], shown: int) -> list[str]:
    """The first `shown` lines, and a line with how many more there are."""
    more = len(lines) - shown
    return [*lines[:shown], *([f"... and {more} more"] if more > 0 else [])]
