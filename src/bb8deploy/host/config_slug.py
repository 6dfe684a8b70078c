"""Reads which slug a config file claims, as the Supervisor would: YAML or JSON, never guessed at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from bb8deploy.base.yaml_loader import events
from bb8deploy.workspace.app_config import CONFIG_NAMES


@dataclass(frozen=True, slots=True)
class Claims:
    """`slugs` are pairs of folder and the slug that a config file in it claims; `unclear` are pairs of path
    and text of config files that cannot be read as YAML or JSON."""

    slugs: tuple[tuple[str, str], ...] = ()
    unclear: tuple[tuple[str, str], ...] = ()


def counts(path: str) -> bool:
    """True if the Supervisor takes a file at this path below its local root for a config file."""
    *folders, name = path.split("/")
    return name in CONFIG_NAMES and not any(part.startswith(".") or part == "rootfs" for part in folders)


def claims_in(files: Iterable[tuple[str, bytes]]) -> Claims:
    """The claims of config files, given by path and content."""
    slugs: list[tuple[str, str]] = []
    unclear: list[tuple[str, str]] = []
    for path, data in files:
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        try:
            slug = _slug_in_json(text) if path.endswith(".json") else _slug_in_yaml(text)
        except (ValueError, OverflowError, RecursionError):
            unclear.append((PurePosixPath(path).as_posix(), text))
            continue
        if slug is not None:
            slugs.append((PurePosixPath(path).parent.as_posix(), slug))
    return Claims(tuple(slugs), tuple(unclear))


def _slug_in_json(text: str) -> str | None:
    """The slug that the file claims, None for none. Raises ValueError or RecursionError for no JSON."""
    data = json.loads(text)
    slug = data.get("slug") if isinstance(data, dict) else None
    return None if slug is None else str(slug)


def _slug_in_yaml(text: str) -> str | None:
    """The slug that the file claims, None without one. Raises ValueError if it cannot be read."""
    import yaml

    try:
        top = _top_level(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if "<<" in top and "slug" not in top:
        raise ValueError("a slug may come in by a merge key")
    return top.get("slug")


def _top_level(text: str) -> dict[str | None, str | None]:
    """The scalars of the mapping that the text holds, None for anything else; nothing is built of it, for
    another's file may nest and repeat itself without end."""
    import yaml

    said: list[str | None] = []
    anchors: dict[str, str] = {}
    for depth, event in events(text):
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            anchors[event.anchor] = event.value
        if depth == 1 and isinstance(event, yaml.NodeEvent):
            alias = isinstance(event, yaml.AliasEvent)
            said.append(anchors.get(str(event.anchor)) if alias else _scalar(event))
        if depth == 0 and isinstance(event, yaml.SequenceStartEvent):
            return {}
    return dict(zip(said[::2], said[1::2], strict=False))


def _scalar(event: object) -> str | None:
    """The text of a scalar, None for a list or a mapping."""
    value = getattr(event, "value", None)
    return None if value is None else str(value)
