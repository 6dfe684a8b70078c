"""Reads what an MQTT message or a file of ours holds as JSON; it may hold anything."""

from __future__ import annotations

import json
from typing import Any


def json_object(text: str) -> dict[str, Any]:
    """The JSON object in `text`; an empty one for anything else, be it nested without end."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
