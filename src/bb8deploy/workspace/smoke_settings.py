"""The project's smoke checks: what `[tool.bb8deploy.checks]` asks of the running app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bb8deploy.catalogue.errors.workspace import CHECKS_INVALID

Kind = Literal["http", "topic", "log", "command"]
KINDS: tuple[Kind, ...] = ("http", "topic", "log", "command")
WITHIN = 30.0
"""Seconds that a check has by default."""
_OPTIONS: Mapping[Kind, frozenset[str]] = {
    "http": frozenset(("port", "expect")),
    "topic": frozenset(("expect",)),
    "log": frozenset(),
    "command": frozenset(),
}


@dataclass(frozen=True, slots=True)
class SmokeCheck:
    """One check. `what` is the HTTP path, the MQTT topic or the text of a log line; `words` a command.

    `port` is the container's port, 0 for ingress. `expect` must be in the answer or the message. `within` is
    in seconds.
    """

    name: str
    kind: Kind
    what: str = ""
    words: tuple[str, ...] = ()
    port: int = 0
    expect: str = ""
    within: float = WITHIN

    def __str__(self) -> str:
        shown = " ".join(self.words) if self.words else self.what
        return f"{self.name} ({self.kind} {shown})"


def smoke_checks(table: object) -> tuple[SmokeCheck, ...]:
    """The checks of a settings table, in its order. Raises UsageError CHECKS_INVALID."""
    if table is None:
        return ()
    if not isinstance(table, Mapping):
        raise CHECKS_INVALID("`checks` is not a table of checks")
    return tuple(_check(str(name), row) for name, row in table.items())


def _check(name: str, row: object) -> SmokeCheck:
    if not isinstance(row, Mapping):
        raise CHECKS_INVALID(f"the check `{name}` is not a table")
    kinds = [kind for kind in KINDS if kind in row]
    if len(kinds) != 1:
        raise CHECKS_INVALID(f"the check `{name}` needs exactly one of {', '.join(KINDS)}")
    kind = kinds[0]
    if unknown := sorted(set(row) - {kind, "within"} - _OPTIONS[kind]):
        raise CHECKS_INVALID(f"the check `{name}` has the unknown key `{unknown[0]}`")
    within = row.get("within", WITHIN)
    if isinstance(within, bool) or not isinstance(within, int | float) or not 0 < within <= 600:
        raise CHECKS_INVALID(f"`within` of the check `{name}` is not a number of seconds up to 600")
    what, words = _what(name, kind, row[kind])
    expect = row.get("expect", "")
    if not isinstance(expect, str):
        raise CHECKS_INVALID(f"`expect` of the check `{name}` is not text")
    return SmokeCheck(name, kind, what, words, _port(name, row.get("port", 0)), expect, float(within))


def _what(name: str, kind: Kind, value: Any) -> tuple[str, tuple[str, ...]]:
    """The text of a check, or the words of a command."""
    if kind == "command":
        words = value if isinstance(value, list) else []
        if not words or not all(isinstance(word, str) and word for word in words):
            raise CHECKS_INVALID(f"`command` of the check `{name}` is not a list of words")
        return "", tuple(words)
    if not isinstance(value, str) or not value:
        raise CHECKS_INVALID(f"`{kind}` of the check `{name}` is not text")
    if kind == "http" and not value.startswith("/"):
        raise CHECKS_INVALID(f"`http` of the check `{name}` is not a path that begins with /")
    return value, ()


def _port(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise CHECKS_INVALID(f"`port` of the check `{name}` is not a port number")
    return value
