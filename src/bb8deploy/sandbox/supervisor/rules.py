"""Placeholder seam to the schema rules; replaced as soon as checks.schema stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


class ConfigRefused(Exception):
    """config.yaml does not validate: the app is left out."""


class ConfigCrash(Exception):
    """config.yaml breaks the loader itself: nothing is read."""


class OptionsRefused(Exception):
    """Options do not fit the schema."""


def accept_config(raw: object) -> dict[str, Any]:
    """The validated configuration."""
    if not isinstance(raw, dict):
        raise ConfigRefused("expected a dictionary. Got None")
    for key in ("map", "arch", "devices", "machine"):
        if key in raw and raw[key] is None:
            raise ConfigCrash("'NoneType' object is not iterable")
    for key in ("name", "version", "slug", "description", "arch"):
        if key not in raw:
            raise ConfigRefused(f"required key not provided @ data['{key}']. Got None")
    return {**raw, "version": str(raw["version"])}


def accept_options(
    schema: Mapping[str, Any] | bool, options: Mapping[str, Any], name: str, slug: str
) -> dict[str, Any]:
    """The options as the app will see them, unknown keys dropped."""
    if schema is False or schema is True:
        return {}
    for key, kind in schema.items():
        if key not in options and not str(kind).endswith("?"):
            raise OptionsRefused(f"Missing option '{key}' in root in {name} ({slug}). Got {dict(options)}")
    for key, value in options.items():
        if key in schema:
            _element(str(schema[key]), value, options)
    return {k: v for k, v in options.items() if k in schema}


def _element(kind: str, value: object, options: Mapping[str, Any]) -> None:
    choice = re.fullmatch(r"list\((.*)\)\??", kind)
    if choice and value not in choice[1].split("|"):
        raise OptionsRefused(f"value must be one of {sorted(choice[1].split('|'))}. Got {dict(options)}")
    number = re.fullmatch(r"int\((\d*),(\d*)\)\??", kind)
    if number and isinstance(value, int) and number[2] and value > float(number[2]):
        raise OptionsRefused(f"value must be at most {float(number[2])}. Got {dict(options)}")


def ui_schema(schema: Mapping[str, Any] | bool) -> list[dict[str, Any]] | None:
    """The schema as the frontend's list."""
    return None if isinstance(schema, bool) else [{"name": key} for key in schema]


def rating(config: Mapping[str, Any], profile: bool) -> int:
    """The security rating."""
    return 5 + bool(config.get("ingress"))
