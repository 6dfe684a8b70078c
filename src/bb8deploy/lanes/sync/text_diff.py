"""Unified diffs between the host's text files and the workspace's, for a dry run."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bb8deploy.lanes.sync.plan_from_workspace import PlannedSync

MAX_TEXT = 256 * 1024


def unified(
    planned: PlannedSync, source: Path, fetch: Callable[[Sequence[str]], Mapping[str, bytes]]
) -> Iterator[str]:
    """One diff for each path that the plan adds, changes or removes; binary files in one line each."""
    plan = planned.plan
    changes = plan.changes
    paths = sorted({*changes.added, *changes.changed, *changes.removed})
    there = [path for path in paths if path in plan.have.by_path and plan.have.by_path[path].kind == "file"]
    old = fetch(there) if there else {}
    for path in paths:
        if path in planned.delivery.made and path not in planned.delivery.tree.by_path:
            yield f"generated file {path}\n"
        else:
            yield _one(path, old.get(path), _new(planned, source, path))
    for path in changes.modes:
        word = "executable" if plan.want.by_path[path].executable else "not executable"
        yield f"mode of {path}: {word}\n"


def _new(planned: PlannedSync, source: Path, path: str) -> bytes | None:
    entry = planned.plan.want.by_path.get(path)
    if entry is None:
        return None
    if path in planned.delivery.made:
        return planned.delivery.made[path].data
    return entry.target.encode() if entry.kind == "link" else (source / path).read_bytes()


def _one(path: str, old: bytes | None, new: bytes | None) -> str:
    before, after = _text(old), _text(new)
    if before is None or after is None:
        return f"binary or large file {path}: {_size(old)} -> {_size(new)}\n"
    lines = difflib.unified_diff(
        before,
        after,
        "/dev/null" if old is None else f"host/{path}",
        "/dev/null" if new is None else f"workspace/{path}",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _text(data: bytes | None) -> list[str] | None:
    """The lines of a text; none if there is no file, None if it is not text or too long."""
    if data is None:
        return []
    if len(data) > MAX_TEXT or b"\0" in data:
        return None
    try:
        return data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return None


def _size(data: bytes | None) -> str:
    return "none" if data is None else f"{len(data)} bytes"
