"""How the Supervisor reads deprecated words of a config, what it advises, and what ends its reload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.checks.schema.table import allowed_words as words
from bb8deploy.checks.schema.table.config_fields import RENAMED
from bb8deploy.checks.schema.verdict_types import SchemaProblem

Config: TypeAlias = JsonObject
_MAP_ENTRY = re.compile(rf"^({'|'.join(words.MAP_TYPES)})(?::(rw|ro))?$")
_STARTUPS = {"before": "services", "after": "application"}


def crashers(config: Config) -> Iterator[SchemaProblem]:
    """Values on which the reload of a real Supervisor ends with an exception, for every repository.

    It loops over these keys before its schema has seen them (observed with 2026.08: a key left empty).
    """
    for key in ("map", "devices", "arch", "machine"):
        if key in config and not isinstance(config[key], (list, dict, str)):
            yield SchemaProblem((key,), f"`{key}` holds {_what(config[key])} where a list is expected")
    yield from _items_that_crash(config)
    dynamic = config.get("ingress") and config.get("ingress_port") == 0
    if dynamic and "ports" in config and not isinstance(config["ports"], (list, dict, str)):
        yield SchemaProblem(("ports",), f"`ports` holds {_what(config['ports'])} while `ingress_port` is 0")


def _items_that_crash(config: Config) -> Iterator[SchemaProblem]:
    for key, allowed in (("devices", (str, list, dict)), ("machine", (str,))):
        for index, item in enumerate(_listed(config, key)):
            if not isinstance(item, allowed):
                yield SchemaProblem((key, index), f"an item of `{key}` is {_what(item)}, not text")
    for index, item in enumerate(_listed(config, "map")):
        if isinstance(item, dict) and isinstance(item.get("type"), (list, dict)):
            yield SchemaProblem(
                ("map", index), f"the `type` of a map entry is {_what(item['type'])}, not text"
            )


def migrate(config: Config) -> tuple[Config, list[SchemaProblem]]:
    """The config in today's words, and what was old or odd about it; `config` itself stays as it is."""
    new: Config = dict(config)
    notes: list[SchemaProblem] = []
    for step in (_startup, _renames, _devices, _tmpfs, _map):
        notes.extend(step(new))
    return new, notes


def advise(config: Config) -> Iterator[SchemaProblem]:
    """What the Supervisor warns of in a migrated config."""
    for test, path, message in _ADVICE:
        if test(config):
            yield SchemaProblem(path, message)
    for key, gone in (("arch", words.ARCHES_GONE), ("machine", words.MACHINES_GONE)):
        named = [(i, v) for i, v in enumerate(config.get(key, [])) if isinstance(v, str)]
        old = [(i, v) for i, v in named if v.lstrip("!") in gone]
        if old:
            gone_words = ", ".join(value for _, value in old)
            yield SchemaProblem((key, old[0][0]), f"`{key}` names what is no longer supported: {gone_words}")
    for index, entry in enumerate(config["map"]):
        new = words.MAP_TYPES_RENAMED.get(entry["type"])
        if new:
            yield SchemaProblem(("map", index), _moved(entry["type"], new, "2026.07.1"), "map")


def _moved(old: str, new: str, since: str) -> str:
    mounts = words.MOUNTS
    return (
        f"the map type `{old}` is deprecated since {since}; `{new}` mounts the same folder at"
        f" {mounts[new]} instead of {mounts[old]}"
        if mounts[old] != mounts[new]
        else f"the map type `{old}` is called `{new}` since {since}; the path in the container is the same"
    )


def reserved_port(config: Config) -> SchemaProblem | None:
    """A mapped port from the range that dynamic ingress takes its own from (refused since 2026.07)."""
    if not (config.get("ingress") and config.get("ingress_port") == 0):
        return None
    for key in config.get("ports", {}):
        number = str(key).partition("/")[0]
        if number.isdigit() and int(number) in words.DYNAMIC_INGRESS_PORTS:
            message = f"port {number} is reserved for dynamic ingress (62000 to 65500, `ingress_port: 0`)"
            return SchemaProblem(("ports", str(key)), message)
    return None


def _cold_with_commands(config: Config) -> bool:
    return config.get("backup") == "cold" and bool(config.get("backup_post") or config.get("backup_pre"))


def _full_and_selected(config: Config) -> bool:
    return bool(config.get("full_access")) and any(config.get(k) for k in ("devices", "uart", "usb", "gpio"))


_ADVICE: tuple[tuple[Callable[[Config], bool], tuple[str, ...], str], ...] = (
    (lambda c: "advanced" in c, ("advanced",), "`advanced` is ignored since 2026.03.0"),
    (_full_and_selected, ("full_access",), "with `full_access` the single device settings have no effect"),
    (_cold_with_commands, ("backup",), "a cold backup ignores `backup_pre` and `backup_post`"),
    (lambda c: "codenotary" in c, ("codenotary",), "`codenotary` is no longer used"),
)


def _startup(config: Config) -> Iterator[SchemaProblem]:
    old = config.get("startup")
    if isinstance(old, str) and old in _STARTUPS:
        config["startup"] = _STARTUPS[old]
        yield SchemaProblem(("startup",), f"`startup: {old}` is called `{_STARTUPS[old]}` since 2018-03")


def _renames(config: Config) -> Iterator[SchemaProblem]:
    for old, new in RENAMED.items():
        if old in config:
            config[new] = config.pop(old)
            yield SchemaProblem((old,), f"`{old}` is called `{new}` since 2021")


def _devices(config: Config) -> Iterator[SchemaProblem]:
    listed = _listed(config, "devices")
    if any(":" in item for item in listed):
        config["devices"] = [item.split(":")[0] if isinstance(item, str) else item for item in listed]
        yield SchemaProblem(("devices",), "`devices` lists paths only; what follows the colon is dropped")


def _tmpfs(config: Config) -> Iterator[SchemaProblem]:
    if "tmpfs" in config and not isinstance(config["tmpfs"], bool):
        config["tmpfs"] = True
        yield SchemaProblem(("tmpfs",), "`tmpfs` is true or false")


def _map(config: Config) -> Iterator[SchemaProblem]:
    kept: list[Config] = []
    for index, entry in enumerate(_listed(config, "map")):
        new = _map_entry(entry)
        if new is not None:
            kept.append(new)
        elif isinstance(entry, (dict, str)):
            yield SchemaProblem(("map", index), f"the map entry {entry!r} is not known and is skipped")
    config["map"] = kept
    types = {entry["type"] for entry in kept}
    yield from _map_conflicts(types)


def _map_entry(entry: object) -> Config | None:
    if isinstance(entry, dict):
        return entry if "type" in entry else None
    found = _MAP_ENTRY.match(entry) if isinstance(entry, str) else None
    return {"type": found[1], "read_only": found[2] != "rw"} if found else None


def _map_conflicts(types: set[str]) -> Iterator[SchemaProblem]:
    if "config" in types and types & {"app_config", "addon_config", "homeassistant_config"}:
        yield SchemaProblem(("map",), "with `config`, the other config folders of `map` are ignored")
    elif "config" in types:
        yield SchemaProblem(("map",), _moved("config", "homeassistant_config", "2023.11"), "map")
    for old, new in words.MAP_TYPES_RENAMED.items():
        if {old, new} <= types:
            yield SchemaProblem(("map",), f"with `{new}`, the old `{old}` of `map` is ignored")


def _listed(config: Config, key: str) -> list[Any]:
    value = config.get(key, [])
    return list(value) if isinstance(value, (list, dict, str)) else []


def _what(value: object) -> str:
    return "nothing" if value is None else f"{value!r}"
