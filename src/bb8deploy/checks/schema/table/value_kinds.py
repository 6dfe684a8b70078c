"""The kinds of value that the Supervisor's app files hold: a check and its JSON Schema, side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import voluptuous as vol

from bb8deploy.checks.schema.table import allowed_words as words
from bb8deploy.checks.schema.table.option_types import ELEMENT_PATTERN

Check = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value: `check` is anything that voluptuous compiles, `json` what an editor may check."""

    check: object
    json: dict[str, object] = field(default_factory=dict)


def one_of(values: Iterable[str]) -> Kind:
    """A word of a closed list, compared exactly."""
    allowed = tuple(values)

    def check(value: object) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise vol.Invalid(f"{value!r} is none of {', '.join(allowed)}")

    return Kind(check, {"enum": list(allowed)})


def matching(pattern: str, meaning: str) -> Kind:
    """Text whose beginning fits `pattern`; `meaning` is the text for messages."""
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        if isinstance(value, str) and compiled.match(value):
            return value
        raise vol.Invalid(f"{value!r} is not {meaning}")

    return Kind(check, {"type": "string", "pattern": pattern})


def list_of(kind: Kind) -> Kind:
    """A list whose every item is of `kind`."""
    return Kind([kind.check], {"type": "array", "items": kind.json})


def version(value: object) -> str | None:
    """Any value becomes text, so 1.10 without quotes becomes "1.1"."""
    return None if value is None else str(value)


def image(value: object) -> str:
    """An image name without a tag, in lower case; a registry with a port may come first.

    Source: supervisor/validate.py (docker_image), supervisor/docker/utils.py (split_docker_domain).
    """
    if not isinstance(value, str) or not value:
        raise vol.Invalid(f"{value!r} is not the name of an image")
    registry, path = _split_registry(value)
    if registry and (registry != registry.lower() or not _REGISTRY.fullmatch(registry)):
        raise vol.Invalid(f"{registry!r} in {value!r} is not the name of a registry")
    if ":" in path:
        raise vol.Invalid(f"{value!r} carries a tag; the Supervisor adds the version itself")
    for part in path.split("/"):
        if not _IMAGE_PART.match(part):
            raise vol.Invalid(f"{part!r} in {value!r} cannot be part of an image's name")
    return value


_HOST_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?")
_IMAGE_PART = re.compile(r"^[a-z0-9{][a-z0-9.\-_{}]*$")


def _split_registry(value: str) -> tuple[str, str]:
    """The registry of an image name, "" for Docker Hub, and the rest."""
    first, slash, rest = value.partition("/")
    if not slash:
        return "", value
    if first == "localhost" or "." in first or ":" in first or first.lower() != first:
        return first, rest
    return "", value


def _same_or_zero(value: object) -> object:
    if value == 0:
        return value
    raise vol.Invalid("0 or a port from 1 to 65535 is needed")


PORT_NUMBER = vol.All(vol.Coerce(int), vol.Range(min=1, max=65535))
_PORT_JSON = {"type": "integer", "minimum": 1, "maximum": 65535}
_port_key = vol.All(str, matching(r"^\d+(?:/tcp|/udp)?$", "a port such as 8080/tcp").check)
_PORT_KEY_JSON = {"propertyNames": {"pattern": r"^\d+(/tcp|/udp)?$"}}
_element = matching(ELEMENT_PATTERN, "an option type such as str, int(0,10)? or list(a|b)").check
ELEMENT = vol.Schema(vol.Any(_element, [vol.Any(_element, {str: vol.Self})], {str: vol.Self}))
_limit = vol.Schema({vol.Required("soft"): vol.Coerce(int), vol.Required("hard"): vol.Coerce(int)})

TEXT = Kind(str, {"type": "string"})
FLAG = Kind(vol.Boolean(), {"type": "boolean"})
VERSION = Kind(version, {"type": "string"})
URL = Kind(vol.Url(), {"type": "string", "format": "uri"})
SLUG = matching(r"^[-_.A-Za-z0-9]+$", "a slug of letters, digits, '-', '_' and '.'")
ARCHES = list_of(one_of(words.ARCHES))
MACHINES = Kind(
    vol.All([matching(words.MACHINE_PATTERN, "a known machine").check], vol.Unique()),
    {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
)
PORTS = Kind(
    vol.Schema({_port_key: vol.Maybe(PORT_NUMBER)}),
    {"type": "object", "additionalProperties": {"anyOf": [_PORT_JSON, {"type": "null"}]}, **_PORT_KEY_JSON},
)
PORT_TEXTS = Kind(
    vol.Schema({_port_key: str}),
    {"type": "object", "additionalProperties": {"type": "string"}, **_PORT_KEY_JSON},
)
INGRESS_PORT = Kind(vol.Any(PORT_NUMBER, _same_or_zero), {"type": "integer", "minimum": 0, "maximum": 65535})
WATCHDOG = matching(
    r"^(?:https?|\[PROTO:\w+\]|tcp):\/\/\[HOST\]:(\[PORT:\d+\]|\d+).*$",
    "an address such as http://[HOST]:[PORT:8080]/health",
)
WEBUI = matching(
    r"^(?:https?|\[PROTO:\w+\]):\/\/\[HOST\]:\[PORT:\d+\].*$", "an address such as http://[HOST]:[PORT:8080]/"
)
SERVICES = list_of(
    matching(r"^(mqtt|mysql):(provide|want|need)$", "a service such as mqtt:need or mysql:want")
)
IMAGE = Kind(image, {"type": "string", "pattern": r"^([^/]+/)*[a-z0-9{][a-z0-9._{}-]*$"})
TIMEOUT = Kind(
    vol.All(vol.Coerce(int), vol.Range(min=10, max=300)), {"type": "integer", "minimum": 10, "maximum": 300}
)
OPTIONS = Kind(dict, {"type": "object"})
SCHEMA = Kind(
    vol.Any(vol.Schema({str: ELEMENT}), False),
    {
        "anyOf": [
            {"const": False},
            {"type": "object", "additionalProperties": {"$ref": "#/definitions/element"}},
        ]
    },
)
ENVIRONMENT = Kind({str: str}, {"type": "object", "additionalProperties": {"type": "string"}})
ULIMITS = Kind(
    {str: vol.Any(vol.Coerce(int), _limit)},
    {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": "integer"},
                {
                    "type": "object",
                    "properties": {"soft": {"type": "integer"}, "hard": {"type": "integer"}},
                    "required": ["soft", "hard"],
                    "additionalProperties": False,
                },
            ]
        },
    },
)
MAP = Kind(
    [
        vol.Schema(
            {
                vol.Required("type"): one_of(words.MAP_TYPES).check,
                vol.Optional("read_only", default=True): bool,
                vol.Optional("path"): str,
            }
        )
    ],
    {
        "type": "array",
        "items": {
            "anyOf": [
                {"enum": [f"{name}{end}" for name in words.MAP_TYPES for end in ("", ":ro", ":rw")]},
                {
                    "type": "object",
                    "properties": {
                        "type": {"enum": list(words.MAP_TYPES)},
                        "read_only": {"type": "boolean"},
                        "path": {"type": "string"},
                    },
                    "required": ["type"],
                    "additionalProperties": False,
                },
            ]
        },
    },
)
