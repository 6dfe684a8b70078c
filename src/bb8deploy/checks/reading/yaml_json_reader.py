"""Reads YAML and JSON as the Supervisor does, with the line and column of every value, within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.yaml_loader import safe_loader
from bb8deploy.catalogue.rule_definitions.all_rules import found
from bb8deploy.checks.reading.json_positions import MAX_DEPTH, JsonProblem, JsonText, Place, Where

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 512 * 1024
MAX_VALUES = 50_000
_INDENT = re.compile(r"^[ \-?]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file that was read: its data (None if not `readable`), the places of its values, findings.

    `places` maps a path of keys and indexes to (line, column) of the value, `keys` to that of the key.
    `written` holds scalars without quotes as they are written, where the data differs from the text.
    """

    path: str
    text: str = ""
    data: object = None
    readable: bool = False
    places: Mapping[Where, Place] = field(default_factory=dict)
    keys: Mapping[Where, Place] = field(default_factory=dict)
    written: Mapping[Where, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def place(self, where: Where) -> Place | tuple[None, None]:
        """Line and column of the value at `where`, or of the nearest thing around it that exists."""
        return self._nearest(where, self.places, self.keys)

    def key_place(self, where: Where) -> Place | tuple[None, None]:
        """Line and column of the key at `where`, or of the nearest thing around it that exists."""
        return self._nearest(where, self.keys, self.places)

    def _nearest(
        self, where: Where, first: Mapping[Where, Place], second: Mapping[Where, Place]
    ) -> Place | tuple[None, None]:
        for end in range(len(where), 0, -1):
            for part in (where[:end], tuple(map(str, where[:end]))):
                place = first.get(part) or second.get(part)
                if place:
                    return place
        return (1, 1) if self.text else (None, None)

    def with_level(self, level: Level) -> ParsedFile:
        """The same source with its findings at `level`, errors only: warnings stay what they are."""
        findings = tuple(
            replace(one, level=level) if one.level is Level.ERROR else one for one in self.findings
        )
        return replace(self, findings=findings)


def read_source(root: Path, path: str) -> ParsedFile:
    """Reads `root/path`; never raises for what the file holds. Time and memory are bounded by MAX_BYTES."""
    file = root / path
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            return _refused(path, "FILE_TOO_LARGE", f"{path} has {size} bytes; at most {MAX_BYTES} are read")
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return _refused(path, "FILE_UNREADABLE", f"{path} cannot be read: {why}")
    return parse_source(data, path)


def parse_source(data: bytes, path: str) -> ParsedFile:
    """`read_source` for given bytes; the suffix of `path` decides between JSON and YAML."""
    if b"\0" in data:
        return _refused(path, "FILE_BINARY", f"{path} is a binary file, not text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _refused(path, "FILE_NOT_UTF8", f"byte {error.start} of {path} is not UTF-8", (line, 1))
    return _read_json(text, path) if path.endswith(".json") else _read_yaml(text, path)


def _read_json(text: str, path: str) -> ParsedFile:
    reader = JsonText(text)
    try:
        data = reader.read()
    except JsonProblem as problem:
        if problem.deep:
            return _refused(path, "YAML_TOO_DEEP", f"{path} is nested too deeply", problem.place)
        message = f"{path} is not valid JSON: {problem}"
        return _refused(path, "JSON_INVALID", message, problem.place, text)
    findings = tuple(_twice(path, reader.twice))
    return ParsedFile(path, text, data, True, reader.values, reader.keys, reader.written, findings)


def _read_yaml(text: str, path: str) -> ParsedFile:
    import yaml

    try:
        deep = _too_deep(text) if _may_be_deep(text) else 0
        if deep:
            message = f"{path} is nested deeper than {MAX_DEPTH} levels"
            return _refused(path, "YAML_TOO_DEEP", message, (deep, 1))
        return _compose(text, path)
    except yaml.YAMLError as error:
        return _broken(error, text, path)
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        return _refused(path, "YAML_INVALID", f"{path} holds a value that cannot be read: {error}")


def _compose(text: str, path: str) -> ParsedFile:
    """The source of YAML text that is not too deep; raises what PyYAML raises."""
    loader = safe_loader()(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return ParsedFile(path, text, {}, readable=True)
        known: dict[int, int] = {}
        count = _expanded(node, known)
        if count > MAX_VALUES and count > 2 * len(known):
            message = f"the aliases of {path} expand to more than {MAX_VALUES} values"
            return _refused(path, "YAML_BOMB", message, (node.start_mark.line + 1, 1))
        places = _Places()
        places.visit(node, ())
        data = loader.construct_document(node)
    finally:
        loader.dispose()
    findings = [*_twice(path, places.twice), *_long(path, count)]
    return ParsedFile(
        path, text, data or {}, True, places.values, places.keys, places.written, tuple(findings)
    )


def _long(path: str, count: int) -> Iterator[Finding]:
    if count > MAX_VALUES:
        yield found("FILE_LONG", f"{path} has {count} values", path)


def _twice(path: str, twice: list[tuple[str, Place, int]]) -> Iterator[Finding]:
    for key, place, first in twice:
        message = f"`{key}` is already set in line {first}; the last one counts"
        yield found("YAML_KEY_TWICE", message, path, place)


def _may_be_deep(text: str) -> bool:
    """Whether the text could nest deeper than MAX_DEPTH: each level takes a bracket or a column."""
    brackets = text.count("[") + text.count("{")
    indent = max((len(one[0]) for one in _INDENT.finditer(text)), default=0)
    return brackets + indent >= MAX_DEPTH


def _too_deep(text: str) -> int:
    """The line where nesting passes MAX_DEPTH, 0 if it never does; libyaml's composer would crash."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=safe_loader()):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH and event.start_mark:
            return event.start_mark.line + 1
    return 0


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values the node has with every alias expanded; a loop counts as endless.

    `known` gets an entry for each node that is written in the text.
    """
    if id(node) not in known:
        known[id(node)] = 1_000_000_000
        known[id(node)] = 1 + sum(_expanded(child, known) for child in _children(node))
    return known[id(node)]


@dataclass(slots=True)
class _Places:
    """Collects the place of each value, and which keys are set twice in one mapping."""

    values: dict[Where, Place] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)
    written: dict[Where, str] = field(default_factory=dict)
    twice: list[tuple[str, Place, int]] = field(default_factory=list)

    def visit(self, node: yaml.Node, where: Where) -> None:
        import yaml

        self.values[where] = _place(node)
        if isinstance(node, yaml.ScalarNode):
            if not node.style:
                self.written[where] = node.value
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.visit(item, (*where, index))
        elif isinstance(node, yaml.MappingNode):
            self._mapping(node.value, where)

    def _mapping(self, pairs: list[tuple[yaml.Node, yaml.Node]], where: Where) -> None:
        import yaml

        for key, value in pairs:
            if not isinstance(key, yaml.ScalarNode):
                continue
            inner = (*where, key.value)
            if inner in self.keys and key.value != "<<":
                self.twice.append((key.value, _place(key), self.keys[inner][0]))
            self.keys[inner] = _place(key)
            self.visit(value, inner)


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _broken(error: object, text: str, path: str) -> ParsedFile:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    lines = text.splitlines()
    before = lines[line - 1][: column or 0] if line and line <= len(lines) else ""
    if "\t" in before or "'\\t'" in str(error):
        message = f"{path} is indented with a tab, which YAML forbids"
        return _refused(path, "YAML_TAB", message, (line, column), text)
    message = f"{path} is not valid YAML: {getattr(error, 'problem', None) or 'it cannot be read'}"
    return _refused(path, "YAML_INVALID", message, (line, column), text)


def _refused(
    path: str, code: str, message: str, place: tuple[int | None, int | None] = (None, None), text: str = ""
) -> ParsedFile:
    return ParsedFile(path, text, findings=(found(code, message, path, place),))
