"""Every place of the app that contains its version, and the smallest edit that changes them all."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bb8deploy.base.errors import CheckFailed
from bb8deploy.base.yaml_loader import safe_loader
from bb8deploy.catalogue.errors.ship.release import BUMP_UNSAFE
from bb8deploy.workspace.app_config import config_path, parse_config
from bb8deploy.workspace.versions import changelog

if TYPE_CHECKING:
    import yaml

CHANGELOG = "CHANGELOG.md"
Spans: TypeAlias = Callable[[str], list[tuple[int, int]]]
"""Finds the spans of a version in a text."""
_PROJECT = re.compile(r"^\[project\][ \t]*(?:#.*)?\r?$", re.MULTILINE)
_TABLE = re.compile(r"^\[", re.MULTILINE)
_TOML_VERSION = re.compile(r"""^(version[ \t]*=[ \t]*["'])([^"'\r\n]*)(["'])""", re.MULTILINE)
_PY_VERSION = re.compile(r"""^(__version__[^=\n]*=[ \t]*["'])([^"'\r\n]*)(["'])""", re.MULTILINE)
_LABEL = re.compile(r"""(io\.hass\.version=["']?)([0-9][^"'\s\\]*)""")


@dataclass(frozen=True, slots=True)
class VersionEdit:
    """One file's bytes before (None: there was none) and after."""

    path: Path
    before: bytes | None
    after: bytes


@dataclass(frozen=True, slots=True)
class VersionStamp:
    """A place that contains a version: the file, the version there, and the span of its text."""

    path: Path
    says: str
    start: int
    end: int


def stamps(addon: Path) -> list[VersionStamp]:
    """Each place that names the version: config, pyproject, packages' `__version__`, image label, VERSION."""
    config = config_path(addon)
    found = [_config_stamp(config, _text(config))]
    found += _all(addon / "pyproject.toml", _toml_span)
    for package in sorted(addon.glob("*/__init__.py")):
        found += _all(package, _regex_span(_PY_VERSION))
    for dockerfile in sorted(addon.glob("Dockerfile*")):
        found += _all(dockerfile, _regex_span(_LABEL))
    found += _all(addon / "VERSION", _whole_span)
    return found


def edits(addon: Path, version: str, *, day: str, subjects: Sequence[str]) -> list[VersionEdit]:
    """The edits that set every place to `version`; a place that has it already is left out.

    Raises CheckFailed if an edited file would not contain what it should. Nothing is written here.
    """
    config = config_path(addon)
    stale = [stamp for stamp in stamps(addon) if stamp.says != version]
    paths = dict.fromkeys(stamp.path for stamp in stale)
    made = [_edit(path, [s for s in stale if s.path == path], version) for path in paths]
    for edit in made:
        if edit.path == config:
            _check_config(edit, version)
    notes = addon / CHANGELOG
    before = notes.read_bytes() if notes.exists() else None
    text = before.decode("utf-8") if before is not None else ""
    after = changelog.released(text, version, day, subjects).encode()
    return [*made, *([VersionEdit(notes, before, after)] if after != before else [])]


def set_key(text: str, key: str, value: str) -> str:
    """A config text in which `key` at the top level has `value`, everything else as it was.

    A key that is missing is added after `slug`; the value is written in double quotes.
    """
    node = _top_level(text)
    for name, item in node:
        if name.value == key:
            return _splice(text, item.start_mark.index, item.end_mark.index, f'"{value}"')
    slug = next(item for name, item in node if name.value == "slug")
    end = text.find("\n", slug.end_mark.index)
    line_end = "\r\n" if "\r\n" in text else "\n"
    place = end + 1 if end >= 0 else len(text)
    return _splice(text, place, place, f'{key}: "{value}"{line_end}')


def drop_key(text: str, key: str) -> str:
    """A config text without the block of a top-level `key`; the comments around it stay."""
    for name, item in _top_level(text):
        if name.value == key:
            end = text.find("\n", _last(item))
            return _splice(text, name.start_mark.index, end + 1 if end >= 0 else len(text), "")
    return text


def _config_stamp(path: Path, text: str) -> VersionStamp:
    for name, item in _top_level(text):
        if name.value == "version":
            quoted = 1 if getattr(item, "style", None) in {"'", '"'} else 0
            return VersionStamp(
                path, item.value, item.start_mark.index + quoted, item.end_mark.index - quoted
            )
    raise _broken(path, "it has no `version`")


def _last(node: yaml.Node) -> int:
    """The end of a node's own text: the end mark of a block is after the comments that follow it."""
    if isinstance(node.value, str) or not node.value:
        return int(node.end_mark.index)
    tail = node.value[-1]
    return _last(tail[1] if isinstance(tail, tuple) else tail)


def _top_level(text: str) -> list[tuple[yaml.Node, yaml.Node]]:
    """The (key, value) nodes of a config text, with their marks counted in characters."""
    import yaml

    parse_config(text.encode(), "config")
    node = yaml.compose(text, safe_loader())
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _all(path: Path, spans: Spans) -> list[VersionStamp]:
    if not path.is_file():
        return []
    text = _text(path)
    return [VersionStamp(path, text[a:b], a, b) for a, b in spans(text)]


def _toml_span(text: str) -> list[tuple[int, int]]:
    """The version of `[project]`, none if it is dynamic."""
    head = _PROJECT.search(text)
    if not head:
        return []
    tail = _TABLE.search(text, head.end())
    found = _TOML_VERSION.search(text, head.end(), tail.start() if tail else len(text))
    return [found.span(2)] if found else []


def _regex_span(pattern: re.Pattern[str]) -> Spans:
    return lambda text: [found.span(2) for found in pattern.finditer(text)]


def _whole_span(text: str) -> list[tuple[int, int]]:
    body = text.strip()
    return [(text.index(body), text.index(body) + len(body))] if body else []


def _edit(path: Path, stale: Sequence[VersionStamp], version: str) -> VersionEdit:
    """All stamps of one file moved, from its end on so that the earlier spans still hold."""
    before = path.read_bytes()
    after = _text(path)
    for stamp in sorted(stale, key=lambda s: -s.start):
        after = _splice(after, stamp.start, stamp.end, version)
    if path.name == "pyproject.toml" and tomllib.loads(after)["project"]["version"] != version:
        raise _broken(path, "its version is not where it seems to be")
    bom = before[:3] if before.startswith(b"\xef\xbb\xbf") else b""
    return VersionEdit(path, before, bom + after.encode())


def _check_config(edit: VersionEdit, version: str) -> None:
    """Checks that the edited config has the new version, and that nothing else has changed."""
    assert edit.before is not None  # noqa: S101 - a stamp was found in it
    old, new = (parse_config(data, edit.path.name) for data in (edit.before, edit.after))
    if new != {**old, "version": version}:
        raise _broken(edit.path, "the edit would change more than the version")


def _broken(path: Path, why: str) -> CheckFailed:
    return BUMP_UNSAFE(f"the version in {path.name} cannot be changed safely: {why}")


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _splice(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]
