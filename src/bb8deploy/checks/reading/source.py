"""Reads YAML and JSON as the Supervisor does, with the line and column of every value, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bb8deploy.base.findings import Finding, Level

MAX_BYTES = 512 * 1024
MAX_DEPTH = 64
MAX_VALUES = 50_000
Place = tuple[int, int]
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: its data (None where `readable` is False), the places of its values, findings.

    `places` maps a path of keys and indexes to (line, column) of the value, `keys` to that of the key.
    """

    path: str
    text: str = ""
    data: Any = None
    readable: bool = False
    places: Mapping[Where, Place] = field(default_factory=dict)
    keys: Mapping[Where, Place] = field(default_factory=dict)
    plain: frozenset[Where] = frozenset()
    findings: tuple[Finding, ...] = ()

    def place(self, where: Where) -> Place | tuple[None, None]:
        """Line and column of the value at `where`, or of the nearest thing around it that exists."""
        for end in range(len(where), 0, -1):
            found = self.places.get(where[:end]) or self.keys.get(where[:end])
            if found:
                return found
        return (1, 1) if self.text else (None, None)


def read_source(root: Path, path: str) -> Source:
    """Reads `root/path`; never raises for what the file holds. Time and memory are bounded by MAX_BYTES."""
    file = root / path
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            return _refused(path, "FILE_TOO_LARGE", f"{path} has {size} bytes; {MAX_BYTES} is the most")
        data = file.read_bytes()
    except OSError as error:
        return _refused(path, "FILE_UNREADABLE", f"{path} cannot be read: {error.strerror}")
    return parse_source(data, path)


def parse_source(data: bytes, path: str) -> Source:
    """`read_source` for bytes in hand; `path` names them and tells JSON from YAML by its suffix."""
    if b"\0" in data:
        return _refused(path, "FILE_BINARY", f"{path} is a binary file, not text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _refused(path, "FILE_NOT_UTF8", f"byte {error.start} of {path} is not UTF-8", line)
    return _read_json(text, path) if path.endswith(".json") else _read_yaml(text, path)


def _read_yaml(text: str, path: str) -> Source:
    import yaml

    try:
        deep = _too_deep(text)
        if deep:
            return _refused(path, "YAML_TOO_DEEP", f"{path} nests deeper than {MAX_DEPTH} levels", deep)
        loader = _loader_class()(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Source(path, text, {}, readable=True)
            if _expanded(node, {}) > MAX_VALUES:
                message = f"the anchors of {path} unfold to more than {MAX_VALUES} values"
                return _refused(path, "YAML_BOMB", message, node.start_mark.line + 1)
            places = _Places()
            places.visit(node, ())
            data = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        return _broken(error, text, path)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        return _refused(path, "YAML_INVALID", f"{path} holds a value that cannot be built: {error}")
    findings = tuple(places.findings(path))
    return Source(path, text, data or {}, True, places.values, places.keys, frozenset(places.plain), findings)


def _read_json(text: str, path: str) -> Source:
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        return _refused(path, "YAML_TOO_DEEP", f"{path} nests too deeply")
    except ValueError as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        message = getattr(error, "msg", str(error))
        return _refused(path, "JSON_INVALID", f"{path} is no JSON: {message}", line, column, text)
    # JSON is YAML, near enough to take the places from there; without them findings have no line.
    marked = _read_yaml(text, path)
    return Source(path, text, data, True, marked.places, marked.keys)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _loader_class() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _too_deep(text: str) -> int:
    """The line where nesting passes MAX_DEPTH, 0 where it never does; libyaml's composer would crash."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=_loader_class()):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark: Any = event.start_mark
            return int(mark.line) + 1
    return 0


def _children(node: Any) -> Iterator[Any]:
    if node.id == "mapping":
        for key, value in node.value:
            yield key
            yield value
    elif node.id == "sequence":
        yield from node.value


def _expanded(node: Any, known: dict[int, int]) -> int:
    """How many values the node stands for once every alias is unfolded; a loop counts as endless."""
    if id(node) not in known:
        known[id(node)] = MAX_VALUES + 1
        known[id(node)] = 1 + sum(_expanded(child, known) for child in _children(node))
    return known[id(node)]


@dataclass(slots=True)
class _Places:
    """Collects where each value stands, and which keys stand twice in one mapping."""

    values: dict[Where, Place] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)
    plain: set[Where] = field(default_factory=set)
    twice: list[tuple[str, Place, int]] = field(default_factory=list)

    def visit(self, node: Any, where: Where) -> None:
        self.values[where] = _place(node)
        if node.id == "scalar" and not node.style:
            self.plain.add(where)
        if node.id == "sequence":
            for index, item in enumerate(node.value):
                self.visit(item, (*where, index))
        elif node.id == "mapping":
            self._mapping(node, where)

    def _mapping(self, node: Any, where: Where) -> None:
        for key, value in node.value:
            if key.id != "scalar":
                continue
            inner = (*where, key.value)
            if inner in self.keys and key.value != "<<":
                self.twice.append((key.value, _place(key), self.keys[inner][0]))
            self.keys[inner] = _place(key)
            self.visit(value, inner)

    def findings(self, path: str) -> Iterator[Finding]:
        for key, (line, column), first in self.twice:
            message = f"`{key}` stands here for the second time, after line {first}; the last one counts"
            hint = "Keep one of the two."
            yield Finding("YAML_KEY_TWICE", Level.ERROR, message, path, line, column, hint)


def _place(node: Any) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


_HINTS = {
    "FILE_TOO_LARGE": "Check that this is the right file; an add-on's settings are a few kilobytes.",
    "FILE_UNREADABLE": "Give yourself the right to read it.",
    "FILE_BINARY": "Replace it by a text file in UTF-8.",
    "FILE_NOT_UTF8": "Save the file as UTF-8.",
    "YAML_TAB": "Indent with spaces.",
    "YAML_INVALID": "Mend the YAML on that line.",
    "YAML_TOO_DEEP": "Flatten it; no add-on file needs that depth.",
    "YAML_BOMB": "Write the values out, without aliases of aliases.",
    "JSON_INVALID": "Mend the JSON on that line.",
}


def _broken(error: Any, text: str, path: str) -> Source:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    lines = text.splitlines()
    before = lines[line - 1][: column or 0] if line and line <= len(lines) else ""
    if "\t" in before or "'\\t'" in str(error):
        message = f"{path} is indented with a tab, which YAML forbids"
        return _refused(path, "YAML_TAB", message, line, column, text)
    message = f"{path} is no YAML: {getattr(error, 'problem', None) or 'it cannot be read'}"
    return _refused(path, "YAML_INVALID", message, line, column, text)


def _refused(
    path: str, code: str, message: str, line: int | None = None, column: int | None = None, text: str = ""
) -> Source:
    finding = Finding(code, Level.ERROR, message, path, line, column, _HINTS[code])
    return Source(path, text, findings=(finding,))
