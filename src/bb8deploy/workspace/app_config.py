"""Reads the config file of an app: name, version, slug, architectures and image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bb8deploy.base.errors import UsageError
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.base.yaml_loader import load
from bb8deploy.catalogue.errors.workspace import (
    ADDON_CONFIG_INVALID,
    ADDON_CONFIG_MISSING,
    ADDON_CONFIG_UNREADABLE,
)

# The names that the Supervisor looks for, in its order (supervisor.md 3).
CONFIG_NAMES = ("config.yaml", "config.yml", "config.json")
DEFAULT_ARCHES = ("amd64", "aarch64")
# Docker names the image and the container after the slug, and refuses upper case there.
SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_DOCKERFILE_ARCH = re.compile(r"Dockerfile\.(?:amd64|aarch64|armhf|armv7|i386)")


@dataclass(frozen=True, slots=True)
class AddonInfo:
    """The contents of the config file; `config` is its path, `image` is empty if the host builds the app."""

    folder: Path
    config: Path
    name: str
    version: str
    slug: str
    arch: tuple[str, ...]
    image: str = ""
    description: str = ""
    url: str = ""
    raw: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def supervisor_slug(self) -> str:
        """The slug under which a Supervisor lists the app if it is a local app."""
        return f"local_{self.slug}"

    @property
    def echo(self) -> bool:
        """True if the app has an echo responder, an option `enable_echo`, that is on by default."""
        options, schema = self.raw.get("options"), self.raw.get("schema")
        if isinstance(options, Mapping) and "enable_echo" in options:
            return bool(options["enable_echo"])
        return isinstance(schema, Mapping) and "enable_echo" in schema


def read_addon(folder: Path) -> AddonInfo:
    """Reads the config file of the app in `folder`.

    Raises UsageError if the folder or the file is missing, is not a YAML mapping in UTF-8, or lacks
    a usable name, version or slug.
    """
    config = config_path(folder)
    raw = parse_config(_content(config), config.name)
    return AddonInfo(
        folder=folder,
        config=config,
        name=_text(raw, "name", config.name),
        version=_text(raw, "version", config.name),
        slug=_slug(raw, config.name),
        arch=_arches(raw),
        image=str(raw.get("image") or ""),
        description=str(raw.get("description") or ""),
        url=str(raw.get("url") or ""),
        raw=raw,
    )


def has_dockerfile(folder: Path) -> bool:
    """Whether a Supervisor could build the app: a Dockerfile for every architecture, or for one."""
    found = (path.name for path in folder.glob("Dockerfile*") if path.is_file())
    return any(is_dockerfile(name) for name in found)


def is_dockerfile(path: str) -> bool:
    """Whether the Supervisor builds an app by the file at `path` of its folder."""
    return path == "Dockerfile" or bool(_DOCKERFILE_ARCH.fullmatch(path))


def config_path(folder: Path) -> Path:
    """The app's config file; raises UsageError if there is none."""
    for name in CONFIG_NAMES:
        if (folder / name).is_file():
            return folder / name
    missing = "has no config.yaml" if folder.is_dir() else "does not exist"
    raise ADDON_CONFIG_MISSING(f"the app folder {folder.name}/ {missing}")


def _content(config: Path) -> bytes:
    try:
        return config.read_bytes()
    except OSError as error:
        raise _unreadable(str(config), error.strerror or str(error), "Make the file readable.") from error


def parse_config(data: bytes, name: str) -> JsonObject:
    """The mapping that a config file holds; raises UsageError with the line of the first mistake."""
    if name.endswith(".json"):
        return _parse_json(data, name)
    import yaml

    try:
        raw = load(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _unreadable(name, f"byte {error.start} is not UTF-8", "Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        raise _unreadable(name, _where(error), "Fix the YAML on that line.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise _unreadable(name, str(error), "Fix the value.") from error
    return _mapping(raw, name)


def _parse_json(data: bytes, name: str) -> JsonObject:
    """A config.json is JSON and nothing else, as for the Supervisor."""
    import json

    try:
        raw = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _unreadable(name, f"byte {error.start} is not UTF-8", "Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(name, str(error), "Fix the JSON on that line.") from error
    return _mapping(raw, name)


def _mapping(raw: object, name: str) -> JsonObject:
    if not isinstance(raw, dict):
        raise _unreadable(name, "it contains no mapping", "Write `key: value` lines at its top level.")
    return raw


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is not YAML"
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)


def _unreadable(name: str, why: str, remedy: str) -> UsageError:
    return ADDON_CONFIG_UNREADABLE(f"{name} cannot be read: {why}", remedy)


def _text(raw: Mapping[str, object], key: str, name: str) -> str:
    """A field that must be text: an unquoted 2025.10 is a number to YAML, and would read 2025.1."""
    value = raw.get(key)
    if isinstance(value, float):
        raise ADDON_CONFIG_INVALID(
            f"YAML reads `{key}` in {name} as the number {value}, not as the text that was written",
            f"Put quotes around the value of `{key}`.",
        )
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
        return str(value)
    raise ADDON_CONFIG_INVALID(f"`{key}` in {name} is missing or is not text", f"Add `{key}:` to {name}.")


def _slug(raw: Mapping[str, object], name: str) -> str:
    slug = _text(raw, "slug", name)
    if SLUG.fullmatch(slug):
        return slug
    raise ADDON_CONFIG_INVALID(
        f"the slug `{slug}` in {name} cannot name a container",
        "Use lower-case letters, digits, `_`, `.` and `-` only.",
    )


def _arches(raw: Mapping[str, object]) -> tuple[str, ...]:
    listed = raw.get("arch")
    return tuple(str(item) for item in listed) if isinstance(listed, list) else DEFAULT_ARCHES
