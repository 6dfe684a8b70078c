"""Reads JSON that others wrote, such as an MQTT message: it may have any content."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object that was read or is about to be written; what is in it is checked by its reader."""


def json_object(text: str) -> JsonObject:
    """The JSON object in `text`; an empty one for anything else, and for one that is nested too deep."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return object_in(value)


def object_in(value: object) -> JsonObject:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows_in(value: object) -> list[JsonObject]:
    """The JSON objects in a list; none if `value` is anything else."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list | tuple) else []
