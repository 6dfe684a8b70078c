"""The words of a Dockerfile's lines: quotes, variables, flags, the JSON form of a command.

Source: moby/buildkit, frontend/dockerfile/shell (ProcessWord) and frontend/dockerfile/parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\]|["'\\])+""", re.DOTALL)
_NAME = re.compile(r"\w+")
_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Expansion:
    """A text with its variables filled in; `missing` names the ones without a value, in order."""

    text: str
    missing: tuple[str, ...] = ()


def split_words(text: str) -> list[str]:
    """The words of a line with their quotes and escapes as they are written."""
    return _WORD.findall(text)


def expand(text: str, values: Mapping[str, str], *, escape: str = "\\") -> Expansion:
    """Fills in `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}`, `${NAME:+word}` and `${NAME+word}`.

    Quotes are removed; inside single quotes nothing is replaced. An unknown name is empty and is listed in
    `missing`, unless the text names what to use instead.
    """
    reader = _Expander(values, escape)
    return Expansion(reader.read(text, 0), tuple(reader.missing))


class _Expander:
    """One pass over a text; `missing` grows as names without a value are met."""

    def __init__(self, values: Mapping[str, str], escape: str) -> None:
        self.values = values
        self.escape = escape
        self.missing: list[str] = []

    def read(self, text: str, depth: int) -> str:
        out: list[str] = []
        at, quote = 0, ""
        while at < len(text):
            char = text[at]
            if char == self.escape and quote != "'" and at + 1 < len(text):
                out.append(text[at + 1])
                at += 2
            elif char in "\"'" and quote in ("", char):
                quote = "" if quote else char
                at += 1
            elif char == "$" and quote != "'":
                value, at = self._variable(text, at + 1, depth)
                out.append(value)
            else:
                out.append(char)
                at += 1
        return "".join(out)

    def _variable(self, text: str, at: int, depth: int) -> tuple[str, int]:
        if text[at : at + 1] == "{":
            end = _closing(text, at + 1)
            return self._braced(text[at + 1 : end], depth), end + 1
        found = _NAME.match(text, at)
        if not found:
            return "$", at
        return self._value(found[0]), found.end()

    def _braced(self, inner: str, depth: int) -> str:
        found = _NAME.match(inner)
        if not found or depth > _DEPTH:
            self.missing.append(inner)
            return ""
        name, how = found[0], inner[found.end() :]
        if not how:
            return self._value(name)
        empty_counts = how.startswith(":")
        sign, word = how.removeprefix(":")[:1], how.removeprefix(":")[1:]
        has = name in self.values and (bool(self.values[name]) or not empty_counts)
        if sign == "-":
            return self.values[name] if has else self.read(word, depth + 1)
        if sign == "+":
            return self.read(word, depth + 1) if has else ""
        return self._value(name)

    def _value(self, name: str) -> str:
        if name not in self.values:
            self.missing.append(name)
        return self.values.get(name, "")


def _closing(text: str, at: int) -> int:
    """Where the brace that was opened before `at` closes; the end of the text if it does not."""
    depth = 1
    for index in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return len(text)


def split_flags(text: str) -> tuple[dict[str, str], str]:
    """The leading `--name=value` words of an instruction, and the rest of its text."""
    found: dict[str, str] = {}
    rest = text.lstrip()
    while rest.startswith("--"):
        word, _, rest = rest.partition(" ")
        name, _, value = word[2:].partition("=")
        found[name] = value
        rest = rest.lstrip()
    return found, rest


def json_form(text: str) -> list[str] | None:
    """The list of texts of an instruction in JSON form, None if it is written in shell form."""
    if not text.lstrip().startswith("["):
        return None
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return words
    return None


def pairs(text: str) -> Iterator[tuple[str, str | None]]:
    """The `NAME=value` words of ARG, ENV or LABEL; the value is None for a bare name, quotes are kept.

    `ENV NAME some text` is the old form of one pair.
    """
    words = split_words(text)
    if words and "=" not in words[0] and len(words) > 1:
        yield words[0], text.strip()[len(words[0]) :].strip()
        return
    for word in words:
        name, equals, value = word.partition("=")
        yield name, value if equals else None
