"""What a check found: one frozen record that every output format is made from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: an error fails the run, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in the workspace or on a host.

    `code` is UPPER_SNAKE with a page (`bb8deploy explain CODE`); `path` is relative to the checked
    folder with forward slashes, empty if the finding is about no file; `line` and `column` count
    from 1; `hint` describes what to do, in one sentence.
    """

    code: str
    level: Level
    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None
    hint: str = ""


def errors_in(findings: list[Finding]) -> list[Finding]:
    """The findings that fail a run."""
    return [finding for finding in findings if finding.level is Level.ERROR]
