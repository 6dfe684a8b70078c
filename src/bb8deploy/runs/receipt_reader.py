"""Reads the receipt lines that `tokens.Line` writes."""

from __future__ import annotations

import json
import re

from bb8deploy.runs.tokens import CATALOGUE, Line, Token

_LINE = re.compile(r"(TOKEN|SKIPPED|DRIFT): (\S+)((?: .*)?)")
_PAIR = re.compile(r' ([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|[^ "]*)')


def parse_line(text: str) -> Line | None:
    """The receipt line in `text`, None if it is not one; a DRIFT line does not name its lane."""
    found = _LINE.fullmatch(text.rstrip("\n"))
    if not found:
        return None
    kind, name, rest = found.groups()
    pairs = tuple((key, _plain(value)) for key, value in _PAIR.findall(rest))
    if kind == "DRIFT":
        return Line(kind, name, pairs, "")
    return Line(kind, name, pairs, CATALOGUE[Token(name)].lane) if name in Token.__members__ else None


def _plain(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
