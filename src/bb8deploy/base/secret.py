"""A string that never prints: tokens and passwords travel in it until the wire unwraps them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TypeVar, cast

MASK = "***"
Data = TypeVar("Data")
# RFC 3339, and the id of a run.
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)|\d{8}T\d{6}Z-[0-9a-f]{6}", re.ASCII
)


class Secret:
    """Holds a secret; `str`, `repr` and formatting show `***`. Only `reveal()` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; call it only to send it."""
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a Secret is not pickled")


def secrets_in(values: object) -> tuple[Secret, ...]:
    """Every text and number in `values`, at any depth, as a secret."""
    if isinstance(values, Mapping):
        return tuple(secret for value in values.values() for secret in secrets_in(value))
    if isinstance(values, list | tuple):
        return tuple(secret for value in values for secret in secrets_in(value))
    return () if values is None or isinstance(values, bool) or values == "" else (Secret(str(values)),)


def redact(text: str, secrets: list[Secret]) -> str:
    """`text` with every secret of 4 characters or more replaced by `***`, also in the way JSON writes it."""
    for secret in sorted(secrets, key=lambda s: -len(s.reveal())):
        value = secret.reveal()
        if len(value) >= 4:
            text = text.replace(value, MASK).replace(json.dumps(value)[1:-1], MASK)
    return text


def redact_data(data: Data, secrets: list[Secret]) -> Data:
    """JSON-like data with `redact` applied to every string in it; keys, numbers and the rest stay.

    Whole documents go through this and not through `redact`: a password `pass` would break their keys. Times
    and the ids of runs stay too: a password `2026` is in them by chance.
    """
    return cast("Data", _redacted(data, secrets))


def _redacted(data: object, secrets: list[Secret]) -> object:
    if isinstance(data, str):
        return data if _MOMENT.fullmatch(data) else redact(data, secrets)
    if isinstance(data, dict):
        return {key: _redacted(value, secrets) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_redacted(item, secrets) for item in data]
    return data
