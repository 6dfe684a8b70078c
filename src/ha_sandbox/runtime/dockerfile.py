"""Reads a Dockerfile into steps, and expands its variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_VARIABLE = re.compile(r"\\\$|\$(?:(?P<name>\w+)|\{(?P<braced>\w+)(?::(?P<how>[-+])(?P<word>[^}]*))?\})")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: upper-case name, its text with continuation lines joined, first line from 1."""

    name: str
    text: str
    line: int


def steps(text: str) -> list[Step]:
    """The instructions in order; comments and empty lines are gone, in continued instructions too."""
    found: list[Step] = []
    for line, logical in _logical_lines(text):
        name, _, rest = logical.partition(" ")
        found.append(Step(name.upper(), rest.strip(), line))
    return found


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip() if not pending else raw.rstrip()
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        start = start or number
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        yield start, (pending + line).strip()
        pending, start = "", 0
    if pending:
        yield start, pending.strip()


def expand(text: str, values: Mapping[str, str]) -> str:
    """`text` with $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word} replaced; unknown names are empty."""

    def value(match: re.Match[str]) -> str:
        name = match["name"] or match["braced"]
        if name is None:
            return "$"
        known = values.get(name, "")
        if match["how"] == "-":
            return known or match["word"]
        if match["how"] == "+":
            return match["word"] if known else ""
        return known

    return _VARIABLE.sub(value, text)


def pairs(text: str) -> dict[str, str]:
    """`A=b C="d e"` or the old `A b c` as a dictionary."""
    import shlex

    words = shlex.split(text.replace("\n", " "))
    if words and "=" not in words[0]:
        name, _, value = text.partition(" ")
        return {name: value.strip()}
    return dict(word.split("=", 1) for word in words if "=" in word)


def command(text: str) -> list[str]:
    """CMD, ENTRYPOINT or a check as an argument list: JSON as it stands, anything else through /bin/sh."""
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list):
            return [str(word) for word in words]
    return ["/bin/sh", "-c", text]


def flags(text: str) -> tuple[dict[str, str], str]:
    """Leading `--name=value` words, and the rest."""
    found: dict[str, str] = {}
    rest = text.strip()
    while rest.startswith("--"):
        word, _, rest = rest.partition(" ")
        name, _, value = word[2:].partition("=")
        found[name] = value
        rest = rest.strip()
    return found, rest


def seconds(text: str, default: float) -> float:
    """A duration such as `1m30s` or `500ms` in seconds."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    found = re.findall(r"([\d.]+)(ms|s|m|h)", text)
    return sum(float(number) * units[unit] for number, unit in found) if found else default
