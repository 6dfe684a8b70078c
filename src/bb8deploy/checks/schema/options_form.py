"""The list that Home Assistant draws an app's option form from (`schema` of `/addons/x/info`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bb8deploy.checks.schema.table.option_types import Element, parse_element

_TYPES = {
    "str": "string",
    "password": "string",
    "int": "integer",
    "float": "float",
    "bool": "boolean",
    "email": "string",
    "url": "string",
    "port": "integer",
    "match": "string",
    "list": "select",
    "device": "select",
}
_FORMATS = {"password": "password", "email": "email", "url": "url"}


def ui_schema(
    schema: Mapping[str, object] | bool, devices: Mapping[str, str] | None = None
) -> list[dict[str, object]] | None:
    """The form of a config's `schema`; None if it is switched off. `devices` as for validate_options."""
    if not isinstance(schema, Mapping):
        return None
    return [row for key, value in schema.items() for row in _rows(key, value, devices or {}, multiple=False)]


def _rows(
    key: str, value: object, devices: Mapping[str, str], *, multiple: bool
) -> Sequence[dict[str, object]]:
    if isinstance(value, list):
        return _rows(key, value[0], devices, multiple=True) if value else ()
    if isinstance(value, Mapping):
        inner = [row for k, v in value.items() for row in _rows(k, v, devices, multiple=False)]
        return ({"name": key, "type": "schema", "optional": True, "multiple": multiple, "schema": inner},)
    element = parse_element(value) if isinstance(value, str) else None
    return (_row(key, element, devices, multiple=multiple),) if element else ()


def _row(key: str, element: Element, devices: Mapping[str, str], *, multiple: bool) -> dict[str, object]:
    row: dict[str, object] = {"name": key, **({"multiple": True} if multiple else {})}
    if element.low is not None:
        row["lengthMin"] = element.low
    if element.high is not None:
        row["lengthMax"] = element.high
    row["optional" if element.optional else "required"] = True
    if element.name:
        row["type"] = _TYPES[element.name]
    if element.name in _FORMATS:
        row["format"] = _FORMATS[element.name]
    if element.name == "list":
        row["options"] = list(element.choices)
    if element.name == "device":
        wanted = element.subsystem
        row["options"] = [path for path, system in devices.items() if not wanted or system == wanted]
    return row
