"""Replaces deprecated words in a config file; the container gets the same as before."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from typing import TypeAlias

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.checks.schema.deprecated_fields import migrate as read
from bb8deploy.checks.schema.table import allowed_words as words
from bb8deploy.checks.schema.table.config_fields import RENAMED

Config: TypeAlias = JsonObject
Step = Callable[[Config], list[str]]
_IGNORED_WITH_CONFIG = ("app_config", "addon_config", "homeassistant_config")


def migrated(text: str, path: str, data: Config) -> tuple[str, list[str]]:
    """The config's text with current words, and what was done; the text itself if there is nothing to do.

    `data` is what the text holds. YAML keeps its comments and its order.
    """
    if path.endswith(".json"):
        return _json(text)
    return _yaml(text) if apply_steps(copy.deepcopy(data)) else (text, [])


def apply_steps(config: Config) -> list[str]:
    """Changes the data in place, and returns what was done."""
    return [why for step in _STEPS for why in step(config)]


def _json(text: str) -> tuple[str, list[str]]:
    data = json.loads(text)
    done = apply_steps(data)
    if not done:
        return text, []
    second = text.split("\n")[1] if "\n" in text else "  "
    indent = len(second) - len(second.lstrip(" ")) or 2
    return json.dumps(data, indent=indent, ensure_ascii=False) + "\n", done


def _yaml(text: str) -> tuple[str, list[str]]:
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 4096
    editor.indent(**_indents(text))
    data = editor.load(text)
    done = apply_steps(data)
    out = io.StringIO()
    editor.dump(data, out)
    return out.getvalue(), done


def _indents(text: str) -> dict[str, int]:
    """How far the text indents its lists: `  - a` or `- a` below a key."""
    for line in text.split("\n"):
        if line.startswith("- "):
            return {"mapping": 2, "sequence": 2, "offset": 0}
        if line.startswith("  - "):
            return {"mapping": 2, "sequence": 4, "offset": 2}
    return {"mapping": 2, "sequence": 4, "offset": 2}


def _arches(config: Config) -> list[str]:
    """Architectures and machines that no Supervisor has any more."""
    done = []
    for key, gone in (("arch", words.ARCHES_GONE), ("machine", words.MACHINES_GONE)):
        listed = config.get(key)
        if not isinstance(listed, list):
            continue
        dead = [one for one in listed if isinstance(one, str) and one.lstrip("!") in gone]
        if dead and len(dead) < len(listed):
            for one in dead:
                listed.remove(one)
            done.append(f"`{key}`: {', '.join(dead)} are not supported since Supervisor 2026.03")
    return done


def _renames(config: Config) -> list[str]:
    done = []
    for old, new in RENAMED.items():
        if old in config and new not in config:
            value = config[old]
            _insert(config, old, new, value)
            done.append(f"`{old}` is called `{new}`")
    start = {"before": "services", "after": "application"}.get(str(config.get("startup")))
    if start:
        done.append(f"`startup: {config['startup']}` is called `{start}`")
        config["startup"] = start
    return done


def _insert(config: Config, old: str, new: str, value: object) -> None:
    """Renames a key at its place, if the mapping knows places."""
    at = list(config).index(old)
    del config[old]
    if hasattr(config, "insert"):
        config.insert(at, new, value)
    else:
        config[new] = value


def _without_effect(config: Config) -> list[str]:
    done = []
    for key, why in (("advanced", "ignored since 2026.03.0"), ("codenotary", "no longer used")):
        if key in config:
            del config[key]
            done.append(f"`{key}` is {why}")
    return done


def _devices(config: Config) -> list[str]:
    listed = config.get("devices")
    if not isinstance(listed, list) or not any(isinstance(one, str) and ":" in one for one in listed):
        return []
    for index, one in enumerate(listed):
        if isinstance(one, str) and ":" in one:
            listed[index] = one.split(":")[0]
    return ["`devices` lists paths only; what follows the colon has no effect"]


def _tmpfs(config: Config) -> list[str]:
    if "tmpfs" not in config or isinstance(config["tmpfs"], bool):
        return []
    config["tmpfs"] = True
    return ["`tmpfs` is true or false"]


def _map(config: Config) -> list[str]:
    """Map types by their new names; `path` keeps the folder where the container has it today."""
    listed = config.get("map")
    if not isinstance(listed, list):
        return []
    entries = read({"map": copy.deepcopy(list(listed))})[0]["map"]
    if len(entries) != len(listed):
        return []  # an entry that the Supervisor skips is the author's to fix
    types = {entry["type"] for entry in entries}
    done: list[str] = []
    for index in reversed(range(len(listed))):
        entry = entries[index]
        if _has_no_effect(entry["type"], types):
            del listed[index]
            done.append(f"`map`: {entry['type']} is ignored beside the others")
        elif entry["type"] in _NEW_TYPES:
            listed[index] = _entry(entry)
            done.append(f"`map`: {entry['type']} is called {_NEW_TYPES[entry['type']]}; the path stays")
    return list(reversed(done))


_NEW_TYPES = {"config": "homeassistant_config", **words.MAP_TYPES_RENAMED}


def _has_no_effect(kind: str, types: set[str]) -> bool:
    if "config" in types and kind in _IGNORED_WITH_CONFIG:
        return True
    return words.MAP_TYPES_RENAMED.get(kind) in types


def _entry(entry: Config) -> Config | str:
    old, new = entry["type"], _NEW_TYPES[entry["type"]]
    path = entry.get("path")
    if path is None and words.MOUNTS[old] == words.MOUNTS[new]:
        return new if entry.get("read_only", True) else f"{new}:rw"
    return {
        "type": new,
        "read_only": entry.get("read_only", True),
        "path": path or words.MOUNTS[old],
    }


_STEPS: tuple[Step, ...] = (_arches, _renames, _without_effect, _devices, _tmpfs, _map)
