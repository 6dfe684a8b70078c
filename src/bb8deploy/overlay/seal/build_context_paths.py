"""Which paths of the build context the seal looks at: all of it, or only what COPY and ADD take.

BuildKit sends what a stage mounts: a large file that no instruction takes would travel for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bb8deploy.checks.reading.dockerfile_evaluation import clean_source, fill, needed, stage_scope
from bb8deploy.checks.reading.dockerfile_parser import Dockerfile
from bb8deploy.checks.reading.dockerfile_words import split_flags
from bb8deploy.workspace.tree_digest import Manifest

LARGE = 8 * 1024 * 1024
"""Bytes beside what COPY and ADD take from which on the seal leaves them out."""
MOST = 60
_PLAIN = re.compile(r"[\w./-]+")
_MOUNT = re.compile(r"--mount=(\S+)")
WHOLE = ("",)


def seen_paths(
    dockerfile: Dockerfile, tree: Manifest, scope: Mapping[str, str], passed: Mapping[str, str]
) -> tuple[str, ...]:
    """The paths of the context to mount; `("",)` is the whole of it."""
    taken = list(dict.fromkeys(_sources(dockerfile, scope, passed)))
    if not taken or len(taken) > MOST or not all(path and _PLAIN.fullmatch(path) for path in taken):
        return WHOLE
    tops = tuple(path for path in taken if not any(_below(path, other) for other in taken))
    beside = sum(e.size for e in tree.entries if not any(_below(e.path, t) or e.path == t for t in tops))
    there = all(any(_below(e.path, top) or e.path == top for e in tree.entries) for top in tops)
    return tops if there and beside >= LARGE else WHOLE


def _below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _sources(dockerfile: Dockerfile, scope: Mapping[str, str], passed: Mapping[str, str]) -> Iterator[str]:
    """Each source as a path of the context; an empty one means all of it or cannot be known."""
    for stage in needed(dockerfile):
        known = stage_scope(dockerfile, stage, scope, passed)
        for copy in stage.copies():
            if "from" in copy.flags:
                continue
            for source in copy.sources:
                if not re.match(r"https?://|git@", source):
                    filled = fill(source, known, dockerfile)
                    yield "" if filled.missing else clean_source(filled.text)
        for one in stage.of("RUN"):
            yield from _mounted(one.value)


def _mounted(value: str) -> Iterator[str]:
    flags = split_flags(value)[0]
    if "mount" not in flags:
        return
    for text in _MOUNT.findall(value):
        options = dict(part.partition("=")[::2] for part in text.split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            yield clean_source(options.get("source") or options.get("src") or "")
