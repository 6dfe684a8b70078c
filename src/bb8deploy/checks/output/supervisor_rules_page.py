"""docs/supervisor_rules.md, written from the table that the schema is made from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from bb8deploy.checks.schema.minimum_supervisor import FIELDS as INTRODUCED
from bb8deploy.checks.schema.table import allowed_words as words
from bb8deploy.checks.schema.table.config_fields import FIELDS, HELD_AGAINST, RENAMED, WITHOUT_EFFECT

_HEAD = f"""\
# The Supervisor's rules for the config of an app (add-on)

Written by `python -m ops.docs.generate`; a test compares it with the code. Every row was compared with the
verdicts of a real Supervisor ({HELD_AGAINST}). "since" is the release that brought the current form of the
rule; a dash means that it is older than what was traced. "known since" is the first release with the key.

Sources: **S** the Supervisor's app schema (`supervisor/apps/validate.py`, before 2026.06
`supervisor/addons/validate.py`) · **O** its option types (`options.py`) · **M** the migration that runs
before the schema · **R** seen on the running Supervisor.
"""


def lines() -> Iterator[str]:
    """The page's lines."""
    yield _HEAD
    yield "## Fields"
    yield from _table(("key", "required", "default", "known since", "since", "source", "remark"), _fields())
    yield "## Old words that are still read"
    yield from _table(("word", "today", "source"), ((f"`{a}`", f"`{b}`", "M") for a, b in RENAMED.items()))
    yield from _table(
        ("map type", "today", "since", "source"),
        ((f"`{old}`", f"`{new}`", "2026.07.1", "M") for old, new in words.MAP_TYPES_RENAMED.items()),
    )
    yield "## Keys without effect"
    yield from _table(
        ("key", "why", "source"), ((f"`{key}`", why, "S") for key, why in WITHOUT_EFFECT.items())
    )
    yield "## Beyond single fields"
    yield from _table(("rule", "since", "source"), _BEYOND)


_BEYOND = (
    ("`map`, `devices`, `arch`, `machine` present but empty end the reload with an exception", "-", "R"),
    ("`ports` inside 62000 to 65500 with `ingress: true`, `ingress_port: 0` is refused", "2026.07", "S"),
    ("32-bit architectures and machines validate, with a warning, and are not built", "2026.03.0", "S"),
    ("bounds of `str(min,max)` and `password(min,max)` count characters", "2026.07", "O"),
    ("bounds of `int()` and `float()` may be negative", "2026.04", "O"),
    ("an invalid `map` entry is skipped with a warning", "-", "M"),
    ("the image is a lower-case name with any registry in front and no tag", "2026.04", "S"),
    ("an infinite number in `timeout`, `ports` or `ulimits` ends the reload with an exception", "-", "S"),
    ("apparmor.txt must have exactly one profile in lines that begin with `profile NAME`", "-", "S"),
    ("unknown keys are silently dropped", "-", "S"),
    ("default options are not checked before the first start", "-", "R"),
    ("upper case in the slug passes the schema and fails the install", "-", "R"),
    ("BUILD_FROM is passed only if a build file exists", "2026.04.0", "R"),
)


def _fields() -> Iterator[tuple[str, ...]]:
    for field in FIELDS:
        default = f"`{json.dumps(field.default)}`" if field.has_default else ""
        known = INTRODUCED.get(field.name, "-")
        required = "yes" if field.required else ""
        yield f"`{field.name}`", required, default, known, field.since or "-", "S", field.note


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def page() -> str:
    """The whole page."""
    return "\n".join(lines()).rstrip() + "\n"
