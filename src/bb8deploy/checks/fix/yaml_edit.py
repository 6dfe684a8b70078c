"""Edits single values of a YAML text, and proves by parsing that nothing else has changed."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.base.yaml_loader import safe_loader
from bb8deploy.checks.reading.yaml_json_reader import parse_source

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value is in the text: from `start` to `end`, and where its key ends."""

    start: int
    end: int
    key_end: int
    plain: bool


def find(text: str, keys: Keys) -> Span | None:
    """The place of the value below `keys`; None if it is not there, or is only an alias there."""
    import yaml

    try:
        node = yaml.compose(text, Loader=safe_loader())
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    found = None
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((k, v) for k, v in reversed(pairs) if k.id == "scalar" and k.value == key), None)
        if found is None:
            return None
        node = found[1]
    if found is None or found[1].start_mark.index < found[0].end_mark.index:
        return None
    name, value = found
    plain = value.id == "scalar" and not value.style
    return Span(value.start_mark.index, value.end_mark.index, name.end_mark.index, plain)


def replace(text: str, keys: Keys, old: str, new: str) -> str | None:
    """The text with the value below `keys` written as `new`; None unless it is exactly `old` now."""
    span = find(text, keys)
    if span is None or not span.plain or text[span.start : span.end] != old:
        return None
    return f"{text[: span.start]}{new}{text[span.end :]}"


def fill(text: str, keys: Keys, new: str) -> str | None:
    """The text with `new` as the value of a key that has none."""
    span = find(text, keys)
    if span is None:
        return None
    colon = text.find(":", span.key_end)
    if colon < 0 or text[span.key_end : colon].strip() or text[span.start : span.end]:
        return None
    return f"{text[: colon + 1]} {new}{text[colon + 1 :]}"


def proven(before: str, after: str, path: str, key: str, wanted: object) -> bool:
    """Whether the texts differ in the top-level `key` alone, which has the wanted value now."""
    old, new = (parse_source(text.encode("utf-8"), path) for text in (before, after))
    if not (old.readable and new.readable and isinstance(old.data, dict) and isinstance(new.data, dict)):
        return False
    expected = {**old.data, key: wanted}
    same_type = type(new.data.get(key)) is type(wanted)
    return same_type and list(expected.items()) == list(new.data.items())
