"""JSON with the line and column of every key and value, which the standard library does not keep.

Follows orjson, the Supervisor's reader: no comments, no NaN, the last of two equal keys counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own, without stubs

Place = tuple[int, int]
Where = tuple[str | int, ...]
MAX_DEPTH = 64
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


class JsonProblem(ValueError):
    """The text is not JSON: what is wrong, and at which line and column."""

    def __init__(self, message: str, place: Place, *, deep: bool = False) -> None:
        super().__init__(message)
        self.place = place
        self.deep = deep


@dataclass(slots=True)
class JsonText:
    """A text that is being read: places of values and keys, keys that are set twice, scalars as written."""

    text: str
    values: dict[Where, Place] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)
    twice: list[tuple[str, Place, int]] = field(default_factory=list)
    written: dict[Where, str] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)

    def read(self) -> object:
        """The data of the whole text; raises JsonProblem."""
        self.starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        value, end = self._value(self._skip(0), (), 0)
        end = self._skip(end)
        if end != len(self.text):
            raise self._problem("something follows the end of the value", end)
        return value

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _place(self, at: int) -> Place:
        from bisect import bisect_right

        line = bisect_right(self.starts, at)
        return line, at - self.starts[line - 1] + 1

    def _problem(self, message: str, at: int, *, deep: bool = False) -> JsonProblem:
        return JsonProblem(message, self._place(at), deep=deep)

    def _value(self, at: int, where: Where, depth: int) -> tuple[object, int]:
        if depth > MAX_DEPTH:
            raise self._problem(f"it nests deeper than {MAX_DEPTH} levels", at, deep=True)
        self.values[where] = self._place(at)
        char = self.text[at : at + 1]
        if char == '"':
            return self._string(at)
        if char == "{":
            return self._object(at + 1, where, depth)
        if char == "[":
            return self._array(at + 1, where, depth)
        return self._scalar(at, where)

    def _scalar(self, at: int, where: Where) -> tuple[object, int]:
        for word, value in _WORDS.items():
            if self.text.startswith(word, at):
                return value, at + len(word)
        found = _NUMBER.match(self.text, at)
        if not found:
            raise self._problem("a value is expected", at)
        self.written[where] = found[0]
        try:
            return (float if found[1] or found[2] else int)(found[0]), found.end()
        except ValueError as error:
            raise self._problem("the number is too long", at) from error

    def _string(self, at: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self.text, at + 1, True)
        except ValueError as error:
            message = str(getattr(error, "msg", error)).lower()
            raise self._problem(message, int(getattr(error, "pos", at))) from error
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise self._problem("half of a surrogate pair is alone", at)
        return text, end

    def _object(self, at: int, where: Where, depth: int) -> tuple[dict[str, object], int]:
        result: dict[str, object] = {}
        at = self._skip(at)
        if self.text.startswith("}", at):
            return result, at + 1
        while True:
            if not self.text.startswith('"', at):
                raise self._problem("a key in double quotes is expected", at)
            place = self._place(at)
            key, at = self._string(at)
            inner = (*where, key)
            if key in result:
                self.twice.append((key, place, self.keys[inner][0]))
            self.keys[inner] = place
            at = self._expect(":", at)
            result[key], at = self._value(self._skip(at), inner, depth + 1)
            at, done = self._next("}", at)
            if done:
                return result, at

    def _array(self, at: int, where: Where, depth: int) -> tuple[list[object], int]:
        result: list[object] = []
        at = self._skip(at)
        if self.text.startswith("]", at):
            return result, at + 1
        while True:
            value, at = self._value(at, (*where, len(result)), depth + 1)
            result.append(value)
            at, done = self._next("]", at)
            if done:
                return result, at

    def _expect(self, char: str, at: int) -> int:
        at = self._skip(at)
        if not self.text.startswith(char, at):
            raise self._problem(f"`{char}` is expected", at)
        return at + 1

    def _next(self, closing: str, at: int) -> tuple[int, bool]:
        """After a value: past the closing bracket and True, or at the next item and False."""
        at = self._skip(at)
        if self.text.startswith(closing, at):
            return at + 1, True
        return self._skip(self._expect(",", at)), False
