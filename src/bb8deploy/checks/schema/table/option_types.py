"""Option types such as `int(0,10)?`: one pattern, and one parsed form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_NUMBER, _REAL = r"-?\d+", r"-?\d*\.?\d+"
ELEMENT_PATTERN = (
    r"^(?:"
    r"(?P<plain>|bool|email|url|port)"
    r"|device(?:\((?P<filter>subsystem=[a-z]+)\))?"
    r"|(?P<text>str|password)(?:\((?P<text_min>\d+)?,(?P<text_max>\d+)?\))?"
    rf"|int(?:\((?P<int_min>{_NUMBER})?,(?P<int_max>{_NUMBER})?\))?"
    rf"|float(?:\((?P<float_min>{_REAL})?,(?P<float_max>{_REAL})?\))?"
    r"|match\((?P<match>.*)\)"
    r"|list\((?P<choices>.+)\)"
    r")\??$"
)
_ELEMENT = re.compile(ELEMENT_PATTERN)
_NAMES = ("str", "password", "int", "float", "bool", "email", "url", "port", "match", "list", "device")


@dataclass(frozen=True, slots=True)
class Element:
    """One option type: `name` ("" for the empty type), bounds where given, and whether it may be left out."""

    name: str
    optional: bool
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    subsystem: str = ""


@lru_cache(maxsize=2048)
def parse_element(text: str) -> Element | None:
    """The parsed type, None if the Supervisor would not know it."""
    found = _ELEMENT.match(text)
    if not found:
        return None
    parts = found.groupdict()
    low, high = (_bound(parts, end) for end in ("min", "max"))
    return Element(
        name=next((name for name in _NAMES if text.startswith(name)), ""),
        optional=text.endswith("?"),
        low=low,
        high=high,
        pattern=parts["match"] or "",
        choices=tuple(parts["choices"].split("|")) if parts["choices"] else (),
        subsystem=(parts["filter"] or "").removeprefix("subsystem="),
    )


def _bound(parts: dict[str, str | None], end: str) -> float | None:
    given = (parts[f"{kind}_{end}"] for kind in ("text", "int", "float"))
    return next((float(text) for text in given if text), None)
