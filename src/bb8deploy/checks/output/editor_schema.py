"""A JSON Schema of config.yaml for editors, made from the table behind the Supervisor's verdict."""

from __future__ import annotations

from typing import Any

from bb8deploy.checks.schema.elements import ELEMENT_PATTERN
from bb8deploy.checks.schema.fields import FIELDS, RENAMED, WITHOUT_EFFECT, Field

_PATTERN = ELEMENT_PATTERN.replace("?P<", "?<")


def config_schema() -> dict[str, Any]:
    """The schema, draft-07 (what YAML editors speak); stricter than the Supervisor on unknown keys."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Home Assistant add-on configuration",
        "type": "object",
        "required": [field.name for field in FIELDS if field.required],
        "properties": {
            **{field.name: _property(field) for field in FIELDS},
            **{old: _gone(f"called `{new}` today") for old, new in RENAMED.items()},
            **{key: _gone(why) for key, why in WITHOUT_EFFECT.items()},
        },
        "additionalProperties": False,
        "definitions": {"element": _element()},
    }


def _property(field: Field) -> dict[str, Any]:
    since = f" (since Supervisor {field.since})" if field.since else ""
    default = {"default": field.default} if field.has_default else {}
    return {**field.kind.json, "description": f"{field.note}{since}", **default}


def _gone(why: str) -> dict[str, Any]:
    return {"description": why, "deprecated": True}


def _element() -> dict[str, Any]:
    text = {"type": "string", "pattern": _PATTERN}
    mapping = {"type": "object", "additionalProperties": {"$ref": "#/definitions/element"}}
    return {"anyOf": [text, mapping, {"type": "array", "items": {"anyOf": [text, mapping]}}]}
