"""Looks how the add-on lies on the host: which folders claim its slug, and what lies in its own.

The host only finds and sends the config files; they are read here, as YAML and JSON, and never guessed at.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.host import TOPOLOGY_UNREADABLE
from bb8deploy.host.shell import programs
from bb8deploy.host.shell.answer import sections
from bb8deploy.transport.base import Transport
from bb8deploy.workspace.addon import CONFIG_NAMES

DEADLINE = 60.0
MAX_FILE = 256 * 1024
"""Bytes of one config file; what is larger counts as unreadable."""
MAX_ALL = 4 * 1024 * 1024
"""Bytes of all of them together, their paths included."""
MAX_DEPTH = 64
"""libyaml takes minutes for thousands of nested brackets."""
# What the workspace keeps beside the add-on and no runtime folder may hold (CONTRACTS section 5).
WORKSPACE_ONLY = (".git", ".github", ".githooks", "docs", "ops", "reports", "_backups", "addon")


@dataclass(frozen=True, slots=True)
class Topology:
    """`names` are the runtime folder's own entries; `claims` pairs of folder (from its parent) and slug;
    `unclear` pairs of path and text of the config files that nobody could read to their end."""

    names: tuple[str, ...]
    claims: tuple[tuple[str, str], ...]
    unclear: tuple[tuple[str, str], ...] = ()

    def problems(self, folder: str, slug: str) -> tuple[str, ...]:
        """What is wrong, one line each: another folder with the slug, a repository, a workspace folder."""
        inside = [f"{name}/ lies in the runtime folder" for name in self.names if name in WORKSPACE_ONLY]
        mine = [path for path, claimed in self.claims if claimed == slug]
        others = [f"{path} claims the slug {slug} too" for path in mine if path != folder]
        unclear = [
            f"{path} names {slug}, and cannot be read as a config file"
            for path, text in self.unclear
            if slug in text
        ]
        missing = [] if folder in mine else [f"no config file in {folder} claims the slug {slug}"]
        return (*inside, *others, *unclear, *missing)


def program(runtime: str) -> str:
    """The shell program whose output `read` understands."""
    path = PurePosixPath(runtime)
    words = (secrets.token_hex(12), str(path.parent), str(path), str(MAX_FILE), str(MAX_ALL))
    return f"set -- {shlex.join(words)}\n{programs.program('topology')}"


def read(output: bytes, runtime: str) -> Topology:
    """The topology in the program's output.

    Raises CheckFailed TOPOLOGY_UNREADABLE unless every folder and config file was read to its end.
    """
    begun = re.search(rb"^TOPOLOGY ([0-9a-f]+)$", output, re.MULTILINE)
    parts = sections(output[begun.end() :], begun[1].decode()) if begun else []
    listed = [part.body for part in parts if part.name == "NAMES"]
    if not listed or (parts[-1].name, parts[-1].argument) != ("END", "0"):
        raise _unreadable(runtime, f"the folders beside {runtime} on the host cannot be listed")
    for part in parts:
        if part.name == "LOST":
            raise _lost(runtime, part.body.decode(errors="replace"))
    files = [part.body.partition(b"\0") for part in parts if part.name == "FILE"]
    names = listed[0].decode(errors="replace").splitlines()
    return _topology(names, ((path.decode(errors="replace"), data) for path, _, data in files))


def look_over(transport: Transport, runtime: str, *, sudo: bool) -> Topology:
    """Reads the topology by one command on the host. Raises CheckFailed TOPOLOGY_UNREADABLE."""
    prefix = ("sudo", "-n") if sudo else ()
    done = transport.run([*prefix, "sh", "-c", program(runtime)], deadline=DEADLINE)
    return read(done.out, runtime)


def look_mounted(runtime: Path) -> Topology:
    """Reads the topology of a mounted share. Raises CheckFailed TOPOLOGY_UNREADABLE."""
    try:
        names = sorted(item.name for item in runtime.iterdir())
        return _topology(names, _mounted_files(runtime))
    except OSError as error:
        said = f"{error.filename or runtime.parent} cannot be read: {error.strerror}"
        raise _unreadable(str(runtime), said) from error


def _mounted_files(runtime: Path) -> Iterator[tuple[str, bytes]]:
    """The config files beside and in the runtime folder: path from its parent, and content."""
    left = MAX_ALL
    for folder, below, files in os.walk(runtime.parent, onerror=_raise):
        below[:] = [name for name in below if not name.startswith(".") and name != "rootfs"]
        for path in (Path(folder, name) for name in files if name in CONFIG_NAMES):
            relative = path.relative_to(runtime.parent).as_posix()
            data = _content(path)
            left -= len(data)
            if len(data) > MAX_FILE or left < 0:
                raise _lost(str(runtime), relative)
            yield relative, data


def _content(path: Path) -> bytes:
    """A byte more than a config file may have, at most; nothing of a pipe, which would never end."""
    if not path.is_file():
        if path.is_symlink():
            raise FileNotFoundError(errno.ENOENT, "it links to no file", str(path))
        return b""
    with path.open("rb") as file:
        return file.read(MAX_FILE + 1)


def _raise(error: OSError) -> None:
    raise error


def _topology(names: Iterable[str], files: Iterable[tuple[str, bytes]]) -> Topology:
    claims: list[tuple[str, str]] = []
    unclear: list[tuple[str, str]] = []
    for path, data in files:
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        try:
            slug = _slug_in_json(text) if path.endswith(".json") else _slug_in_yaml(text)
        except (ValueError, OverflowError, RecursionError):
            unclear.append((PurePosixPath(path).as_posix(), text))
            continue
        if slug is not None:
            claims.append((PurePosixPath(path).parent.as_posix(), slug))
    return Topology(tuple(names), tuple(claims), tuple(unclear))


def _slug_in_json(text: str) -> str | None:
    """The slug that the file claims, None for none. Raises ValueError or RecursionError for no JSON."""
    data = json.loads(text)
    slug = data.get("slug") if isinstance(data, dict) else None
    return None if slug is None else str(slug)


def _slug_in_yaml(text: str) -> str | None:
    """The slug that the file claims, None for none. Raises ValueError where that cannot be told."""
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
    depth = 0
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            anchors[event.anchor] = event.value
        if depth == 1 and isinstance(event, yaml.NodeEvent):
            alias = isinstance(event, yaml.AliasEvent)
            said.append(anchors.get(str(event.anchor)) if alias else _scalar(event))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth == 1 and isinstance(event, yaml.SequenceStartEvent):
            return {}
        if depth > MAX_DEPTH:
            raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
    return dict(zip(said[::2], said[1::2], strict=False))


def _scalar(event: Any) -> str | None:
    """What a scalar says, None for a list or a mapping."""
    value = getattr(event, "value", None)
    return None if value is None else str(value)


def _lost(runtime: str, path: str) -> CheckFailed:
    return _unreadable(runtime, f"{PurePosixPath(path)} beside {runtime} cannot be read, or is too large")


def _unreadable(runtime: str, cause: str) -> CheckFailed:
    return TOPOLOGY_UNREADABLE(
        cause,
        f"Make sure that the user may read everything in {PurePosixPath(runtime).parent} "
        "(HA_SSH_SUDO=yes for non-root users).",
    )
