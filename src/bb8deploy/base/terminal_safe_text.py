"""Makes text that others wrote safe to show: no control character reaches a terminal, a log or a workflow."""

from __future__ import annotations

import re

# Characters that are invisible or turn the direction of a line, though Python calls some of them printable.
_HIDDEN = frozenset(
    "\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
MAX = 500


def plain(text: str, limit: int = MAX) -> str:
    """`text` on one line, with control characters, lone surrogates and direction marks written as escapes.
    `##[`, which begins a command of a workflow anywhere in a line, is broken up.

    Longer texts than `limit` characters are cut.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit and "##[" not in text:
        return text
    cut = text if len(text) <= limit else f"{text[: limit - 3]}..."
    shown = "".join(char if _shown(char) else _escaped(char) for char in cut)
    return shown.replace("##[", "# #[")


def plain_lines(text: str) -> str:
    """`text` with its line ends and tabs, without colors; other control characters are written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    shown = (char if char in "\n\t" or _shown(char) else _escaped(char) for char in _COLOUR.sub("", text))
    return "".join(shown)


def _shown(char: str) -> bool:
    return (char.isprintable() or char == " ") and char not in _HIDDEN


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
