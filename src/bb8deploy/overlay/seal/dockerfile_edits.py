"""Edits of a Dockerfile's text that leave every other byte as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bb8deploy.checks.reading.dockerfile_parser import Dockerfile, Instruction


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the lines from `start` up to and without `end`, counted from 0; equal: inserts before it."""

    start: int
    end: int
    lines: tuple[str, ...]


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits, which must not overlap; new lines get the text's own line ending."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):
        new = [f"{line}\r" if newline == "\r\n" else line for line in edit.lines]
        lines[edit.start : edit.end] = new
    return "\n".join(lines)


def before(instruction: Instruction, lines: Sequence[str]) -> Edit:
    """Inserts lines before an instruction."""
    at = instruction.line - 1
    return Edit(at, at, tuple(lines))


def instead_of(instruction: Instruction, lines: Sequence[str]) -> Edit:
    """Replaces an instruction, its continuation lines included."""
    return Edit(instruction.line - 1, instruction.end, tuple(lines))


def at_end(text: str, lines: Sequence[str]) -> Edit:
    """Adds lines at the end of a text that `closed` returned."""
    at = text.count("\n")
    return Edit(at, at, tuple(lines))


def closed(text: str, dockerfile: Dockerfile) -> str:
    """The text with a newline after its last instruction, so that lines can follow.

    A last line that ends with the continuation character would swallow them, even after an empty line.
    """
    last = dockerfile.instructions[-1]
    lines = text.split("\n")
    if not last.heredocs:
        used = range(last.line - 1, min(last.end, len(lines)))
        written = [at for at in used if lines[at].strip() and not lines[at].strip().startswith("#")]
        end = lines[written[-1]].rstrip() if written else ""
        if end.endswith(dockerfile.escape):
            lines[written[-1]] = end[: -len(dockerfile.escape)]
    closed_text = "\n".join(lines)
    return closed_text if closed_text.endswith("\n") else f"{closed_text}\n"


def is_lower(text: str, dockerfile: Dockerfile) -> bool:
    """Whether most instructions are written in lower case; BuildKit's linter wants one case in a file."""
    lines = text.split("\n")
    words = [(lines[one.line - 1].split() or [""])[0] for one in dockerfile.instructions]
    return sum(word.islower() for word in words) > len(words) / 2
