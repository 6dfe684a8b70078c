"""A JSON Schema of config.yaml for editors, made from the table behind the Supervisor's verdict."""

from __future__ import annotations

import re

from bb8deploy.checks.schema.minimum_supervisor import FIELDS as INTRODUCED
from bb8deploy.checks.schema.table import allowed_words as words
from bb8deploy.checks.schema.table.config_fields import FIELDS, RENAMED, WITHOUT_EFFECT, Field
from bb8deploy.checks.schema.table.option_types import ELEMENT_PATTERN

PUBLISHED = "schema/config.schema.json"
ADDRESS = f"https://raw.githubusercontent.com/e-app-404/ha-bb8-addon/main/{PUBLISHED}"
# Python and JavaScript spell named groups differently, so the groups lose their names.
_PATTERN = re.sub(r"\(\?P<\w+>", "(?:", ELEMENT_PATTERN)
_EXAMPLES: dict[str, list[object]] = {
    "version": ["1.0.0"],
    "slug": ["my_app"],
    "arch": [["amd64", "aarch64"]],
    "image": ["ghcr.io/owner/my_app"],
    "map": [["share:rw", {"type": "app_config", "read_only": False}]],
    "ports": [{"8080/tcp": 8080}],
    "watchdog": ["http://[HOST]:[PORT:8080]/health"],
    "webui": ["http://[HOST]:[PORT:8080]/"],
    "schema": [{"level": "list(debug|info)", "name": "str?"}],
}


def config_schema() -> dict[str, object]:
    """The schema, draft-07 (what YAML editors speak); stricter than the Supervisor on unknown keys."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ADDRESS,
        "title": "Home Assistant app (add-on) configuration",
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


def _property(field: Field) -> dict[str, object]:
    since = INTRODUCED.get(field.name, "")
    counted = f" (Supervisor {since})" if since and not since.startswith("0.") else ""
    default = {"default": field.default} if field.has_default else {}
    examples = {"examples": _EXAMPLES[field.name]} if field.name in _EXAMPLES else {}
    note = field.note[:1].upper() + field.note[1:]
    shape = _spelled(field)
    return {**shape, "description": f"{note}{counted}", **default, **examples}


def _spelled(field: Field) -> dict[str, object]:
    """The field's schema with the words that completion may offer."""
    if field.name == "machine":
        known = [*words.MACHINES, *(f"!{name}" for name in words.MACHINES)]
        return {"type": "array", "items": {"enum": known}, "uniqueItems": True}
    if field.name == "services":
        offered = [f"{a}:{b}" for a in ("mqtt", "mysql") for b in ("provide", "want", "need")]
        return {"type": "array", "items": {"enum": offered}}
    return field.kind.json


def _gone(why: str) -> dict[str, object]:
    return {"description": why[:1].upper() + why[1:], "deprecated": True}


def _element() -> dict[str, object]:
    text = {
        "type": "string",
        "pattern": _PATTERN,
        "description": "An option type; `?` at the end makes it optional.",
        "examples": ["str", "int(0,10)?", "bool", "list(a|b)", "password", "port", "match(^[a-z]+$)"],
    }
    mapping = {"type": "object", "additionalProperties": {"$ref": "#/definitions/element"}}
    items = {"type": "array", "items": {"anyOf": [text, mapping]}}
    return {"anyOf": [text, mapping, items]}


def published() -> str:
    """The file in the repository that editors load by its address."""
    import json

    return json.dumps(config_schema(), indent=2) + "\n"
