"""A table as text: drawn with frames, or as aligned columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO


def drawn(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO, width: int
) -> str:
    """The table with frames, for a terminal of `width` columns."""
    from rich.console import Console as RichConsole
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    drawer = RichConsole(file=stream, markup=False, highlight=False, width=width)
    with drawer.capture() as captured:
        drawer.print(table)
    return captured.get()


def aligned(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as plain lines with aligned columns."""
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (columns, *rows)
    ]
    return "\n".join([*([title] if title else []), *(line.rstrip() for line in lines)])
