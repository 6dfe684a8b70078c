"""The `.env` file as text: a commented template of every setting, or answers merged into a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from bb8deploy.base.user_files import read_user_text
from bb8deploy.catalogue.errors.settings import ENV_UNREADABLE, ENV_VALUE_INVALID
from bb8deploy.settings.settings_table import KEYS, Key

IGNORED = (".env", ".env.*", "!.env.example")
_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=~\[\]-]+")
_REMARK = re.compile(
    r"""[^=]*=[^\S\r\n]*(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\r\n]*?)([^\S\r\n]+\#[^\r\n]*)?\s*"""
)
_COMMENTED = re.compile(r"#\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=")
_HEADER = """# Written by bb8deploy; `bb8deploy config` shows what counts. Keep this file to yourself:
# it may hold secrets, git leaves it alone, and only you may read it (mode 0600).
"""


def compose(earlier: str, values: Mapping[str, str]) -> str:
    """`earlier` with `values` put in; an empty value comments its setting out.

    Every other line stays as it is. A setting that has no line yet takes the place of its commented one,
    else it goes to the end. Raises UsageError ENV_VALUE_INVALID for a value of more than one line.
    """
    left = dict(values)
    lines = list(_replaced(earlier or template(), left))
    for name in [name for name, value in left.items() if value]:
        lines += [f"\n# {_BY_NAME[name].help}\n", _line(name, left[name])]
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def replaced(earlier: str, values: Mapping[str, str]) -> dict[str, str]:
    """What `compose` takes out of `earlier`: the settings with their values there."""
    from dotenv.parser import parse_stream

    set_there = {
        _BY_NAME[line.key].name: line.value
        for line in parse_stream(StringIO(earlier))
        if line.key in _BY_NAME and line.value
    }
    return {name: old for name, old in set_there.items() if values.get(name, old) != old}


def template() -> str:
    """Every setting, commented out, with what it is for and its default or an example."""
    rows = (f"\n# {_words(key)}\n#{key.name}={key.default or key.example}\n" for key in KEYS)
    return _HEADER + "".join(rows)


def ignore_lines(earlier: str) -> str:
    """A .gitignore text that leaves `.env` files alone, with the lines of `earlier` first."""
    have = {line.strip() for line in earlier.splitlines()}
    missing = [line for line in IGNORED if line not in have]
    start = earlier if not earlier or earlier.endswith("\n") else f"{earlier}\n"
    return start + "".join(f"{line}\n" for line in missing)


def read_earlier(path: Path) -> str:
    """The text of an existing file, empty if there is none. Raises UsageError ENV_UNREADABLE."""
    try:
        return read_user_text(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ENV_UNREADABLE(f"{path.name} cannot be read: {error.strerror}") from error


_BY_NAME: dict[str, Key] = {name: key for key in KEYS for name in (key.name, *key.aliases)}


def _replaced(earlier: str, left: dict[str, str]) -> Iterator[str]:
    """The lines of `earlier`, settings of `left` replaced and taken out of it as they are met.

    A file may set a key twice, or by an alias: the first line takes the value, the others go.
    """
    from dotenv.parser import parse_stream

    placed: set[str] = set()
    bindings = list(parse_stream(StringIO(earlier)))
    active = {_BY_NAME[b.key].name for b in bindings if b.key in _BY_NAME}
    for binding in bindings:
        text = binding.original.string
        if binding.key in _BY_NAME:
            name = _BY_NAME[binding.key].name
            if name in placed:
                continue
            if name not in left:
                yield text
                continue
            placed.add(name)
            # The parser counts empty lines before a setting as its own.
            blank = text[: len(text) - len(text.lstrip("\r\n"))]
            yield blank + _line(name, left.pop(name), _remark(text))
        else:
            yield from _comment(text, left, active)


def _comment(text: str, left: dict[str, str], active: set[str]) -> Iterator[str]:
    """Lines that set nothing; a commented setting gives its place to the value, if no other line has it."""
    for line in text.splitlines(keepends=True):
        found = _COMMENTED.match(line)
        name = found[1] if found else ""
        yield _line(name, left.pop(name)) if left.get(name) and name not in active else line


def _remark(line: str) -> str:
    """The comment behind a value, with the space before it."""
    found = _REMARK.fullmatch(line)
    return (found[1] or "") if found else ""


def _line(name: str, value: str, remark: str = "") -> str:
    return f"{name}={_quoted(name, value)}{remark}\n" if value else f"#{name}={remark}\n"


def _quoted(name: str, value: str) -> str:
    """The value as python-dotenv reads it back: bare where nothing in it has a meaning of its own."""
    if any(ord(sign) < 32 or sign in "\x7f\x85\u2028\u2029" for sign in value):
        raise ENV_VALUE_INVALID(f"the value of {name} has more than one line, or a sign that cannot be shown")
    if _BARE.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _words(key: Key) -> str:
    return f"{key.help}, a secret" if key.secret else key.help
