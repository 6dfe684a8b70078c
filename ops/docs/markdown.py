"""The pieces that generated pages are made of."""

from __future__ import annotations

from collections.abc import Iterable

BY = "Written by `python -m ops.docs.generate`; a test compares it with the code."


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, with a newline at its end."""
    lines = [_row(head), _row("---" for _ in head)]
    return "\n".join([*lines, *(_row(row) for row in rows)]) + "\n"


def _row(cells: Iterable[str]) -> str:
    safe = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(safe)} |"
