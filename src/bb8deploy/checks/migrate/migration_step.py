"""One step of a migration: a file before and after, and why."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A file before and after; `after` None removes it. `why` explains each part of the change."""

    path: str
    before: str
    after: str | None
    why: tuple[str, ...]

    def diff(self) -> str:
        """The change as a unified diff."""
        old = self.before.splitlines(keepends=True)
        new = (self.after or "").splitlines(keepends=True)
        name = "/dev/null" if self.after is None else f"b/{self.path}"
        lines = difflib.unified_diff(old, new, f"a/{self.path}", name)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
