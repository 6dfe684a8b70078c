"""Reads what an MQTT message or a file of ours holds as JSON; it may hold anything."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object that was read or is about to be written; what is in it is checked by its reader."""


def json_object(text: str) -> JsonObject:
    """The JSON object in `text`; an empty one for anything else, be it nested without end."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
