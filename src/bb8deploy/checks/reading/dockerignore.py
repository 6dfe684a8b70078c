"""Which paths .dockerignore keeps from the builder.

Source: moby/patternmatcher: the last pattern that fits decides, `!` takes a path back in, a pattern that
fits a folder fits all below it.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class DockerIgnore:
    """The patterns of a .dockerignore in order, each with whether it takes back in."""

    patterns: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def parse(cls, text: str) -> DockerIgnore:
        """Reads the file; comments and empty lines are left out."""
        found = []
        for line in text.removeprefix("\ufeff").splitlines():
            bare = line.strip()
            if not bare or line.startswith("#"):
                continue
            back = bare.startswith("!")
            path = posixpath.normpath(bare[1:].strip() if back else bare)
            path = path.lstrip("/") if len(path) > 1 else path
            if path and path != ".":
                found.append((path, back))
        return cls(tuple(found))

    @cached_property
    def _compiled(self) -> list[tuple[re.Pattern[str], bool]]:
        return [(re.compile(_translate(path)), back) for path, back in self.patterns]

    def ignored(self, path: str) -> bool:
        """Whether the builder does not see the file or folder at `path` (relative, forward slashes)."""
        out = False
        for pattern, back in self._compiled:
            if back == out and pattern.match(path):
                out = not back
        return out

    @property
    def takes_back(self) -> bool:
        """Whether any pattern takes paths back in, so that an ignored folder may still hold some."""
        return any(back for _path, back in self.patterns)


def _translate(pattern: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            parts.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            parts.append(".*")
            at += 2
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(pattern[at], re.escape(pattern[at])))
            at += 1
    return f"(?:{''.join(parts)})(?:/|$)"
