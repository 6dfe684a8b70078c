"""What the sandbox's Supervisor accepts: config.yaml at reload, options at start, and the rating.

The rules of lane 1 are stricter and say more; here stands what the real Supervisor does at run time, so
that a mistake which slips past lane 1 shows in the sandbox as it would on a host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_REQUIRED = ("name", "version", "slug", "description", "arch")
_CRASHES_ON_NULL = ("map", "arch", "devices", "machine")
_SLUG = re.compile(r"[-_.A-Za-z0-9]+")
_ELEMENT = re.compile(
    r"^(?P<kind>bool|email|url|port|str|password|int|float|match|list|device)(?:\((?P<inner>.*)\))?(?P<optional>\?)?$"
)
_RISKY = {
    "BPF", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH", "NET_ADMIN", "NET_RAW", "PERFMON", "SYS_ADMIN",
    "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO",
}  # fmt: skip
_FORMATS = {"password": "password", "email": "email", "url": "url"}
_TYPES = {"int": "integer", "port": "integer", "float": "float", "bool": "boolean", "list": "select"}


class ConfigRefused(Exception):
    """config.yaml does not validate: the app is left out of the store."""


class ConfigCrash(Exception):
    """config.yaml breaks the loader itself: nothing at all is read."""


class OptionsRefused(Exception):
    """Options do not fit the app's schema; the text is the Supervisor's."""


def accept_config(raw: object) -> dict[str, Any]:
    """The configuration as the store keeps it; raises ConfigRefused or ConfigCrash."""
    if not isinstance(raw, dict):
        raise ConfigRefused(f"expected a dictionary. Got {raw!r}")
    if any(key in raw and raw[key] is None for key in _CRASHES_ON_NULL):
        raise ConfigCrash("'NoneType' object is not iterable")
    for key in _REQUIRED:
        if key not in raw:
            raise ConfigRefused(f"required key not provided @ data['{key}']. Got None")
    if not isinstance(raw["slug"], str) or not _SLUG.fullmatch(raw["slug"]):
        raise ConfigRefused(f"does not match regular expression @ data['slug']. Got {raw['slug']!r}")
    if not isinstance(raw["arch"], list):
        raise ConfigRefused(f"expected a list @ data['arch']. Got {raw['arch']!r}")
    return {**raw, "version": str(raw["version"])}


def accept_options(schema: object, options: Mapping[str, Any], name: str, slug: str) -> dict[str, Any]:
    """The options as the app will see them, unknown keys dropped; raises OptionsRefused."""
    if not isinstance(schema, dict):
        return dict(options)
    return _Checker(options, f"{name} ({slug})").level(schema, options, "root")


class _Checker:
    """One walk over options; every message quotes them as a whole, as the Supervisor does."""

    def __init__(self, whole: Mapping[str, Any], app: str) -> None:
        self._whole = dict(whole)
        self._app = app

    def level(self, schema: Mapping[str, Any], options: Mapping[str, Any], where: str) -> dict[str, Any]:
        for key, kind in schema.items():
            if key not in options and isinstance(kind, str) and not kind.endswith("?"):
                raise self._refuse(f"Missing option '{key}' in {where} in {self._app}")
        return {key: self._value(schema[key], options[key], key) for key in options if key in schema}

    def _value(self, kind: Any, value: Any, key: str) -> Any:
        if isinstance(kind, list):
            if not isinstance(value, list):
                raise self._refuse(f"Invalid list for option '{key}' in {self._app}")
            return [self._value(kind[0], item, key) for item in value]
        if isinstance(kind, dict):
            if not isinstance(value, dict):
                raise self._refuse(f"Invalid dictionary for option '{key}' in {self._app}")
            return self.level(kind, value, key)
        return self._single(str(kind), value, key)

    def _single(self, kind: str, value: Any, key: str) -> Any:
        import voluptuous as vol

        if value is None:
            raise self._refuse(f"Missing required option '{key}' in {self._app}")
        try:
            return _validator(kind)(value)
        except vol.Invalid as error:
            raise self._refuse(error.msg) from error

    def _refuse(self, message: str) -> OptionsRefused:
        return OptionsRefused(f"{message}. Got {self._whole}")


def _validator(kind: str) -> Callable[[Any], Any]:
    import voluptuous as vol

    match = _ELEMENT.match(kind)
    if match is None:
        return str
    name, inner = match["kind"], match["inner"] or ""
    low, _, high = inner.partition(",")
    bounds: dict[str, Any] = {
        n: float(v) for n, v in (("min", low), ("max", high)) if v and name in {"int", "float"}
    }
    sizes: dict[str, Any] = {
        n: int(v) for n, v in (("min", low), ("max", high)) if v and name in {"str", "password"}
    }
    makers: dict[str, Callable[[], Any]] = {
        "bool": vol.Boolean,
        "email": vol.Email,
        "url": vol.Url,
        "port": lambda: vol.All(vol.Coerce(int), vol.Range(min=1, max=65535)),
        "int": lambda: vol.All(vol.Coerce(int), vol.Range(**bounds)),
        "float": lambda: vol.All(vol.Coerce(float), vol.Range(**bounds)),
        "match": lambda: vol.All(vol.Coerce(str), vol.Match(inner)),
        "list": lambda: vol.All(vol.Coerce(str), vol.In(inner.split("|"))),
    }
    text = vol.All(vol.Coerce(str), vol.Length(**sizes))
    schema: Callable[[Any], Any] = vol.Schema(makers[name]() if name in makers else text)
    return schema


def ui_schema(schema: object) -> list[dict[str, Any]] | None:
    """The schema as the list that the frontend builds its form from; None where options are off."""
    if not isinstance(schema, dict):
        return None
    return [_ui_node(key, kind) for key, kind in schema.items()]


def _ui_node(key: str, kind: Any, *, multiple: bool = False) -> dict[str, Any]:
    node: dict[str, Any]
    if isinstance(kind, list):
        return _ui_node(key, kind[0], multiple=True)
    if isinstance(kind, dict):
        node = {"name": key, "type": "schema", "optional": True, "multiple": multiple}
        return {**node, "schema": ui_schema(kind)}
    match = _ELEMENT.match(str(kind))
    name = match["kind"] if match else "str"
    inner = (match["inner"] or "") if match else ""
    node = {"name": key, **({"multiple": True} if multiple else {})}
    if name in {"int", "float", "str", "password"}:
        low, _, high = inner.partition(",")
        node |= {n: float(v) for n, v in (("lengthMin", low), ("lengthMax", high)) if v}
    node |= {"optional": True} if str(kind).endswith("?") else {"required": True}
    node |= {"type": _TYPES.get(name, "string")}
    node |= {"format": _FORMATS[name]} if name in _FORMATS else {}
    return {**node, "options": inner.split("|")} if name == "list" else node


def rating(config: Mapping[str, Any], profile: bool) -> int:
    """The security rating, 1 to 8; `profile`: an AppArmor profile of its own is loaded."""
    if config.get("docker_api") or config.get("full_access"):
        return 1
    score = 5 + (-1 if config.get("apparmor") is False else int(profile))
    score += 2 if config.get("ingress") else int(bool(config.get("auth_api")))
    privileged = set(config.get("privileged") or [])
    score -= int(bool(privileged & _RISKY) or bool(config.get("kernel_modules")))
    score -= {"manager": 1, "admin": 2}.get(str(config.get("hassio_role")), 0)
    score -= int(bool(config.get("host_network"))) + 2 * int(bool(config.get("host_pid")))
    score -= int(bool(config.get("host_uts")) and "SYS_ADMIN" in privileged)
    return max(1, min(8, score))
