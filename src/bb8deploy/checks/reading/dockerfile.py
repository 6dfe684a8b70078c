"""A Dockerfile as instructions with line numbers, and what the rules ask of it."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+][^}]*)?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word in capitals, its text with continuations joined, its first line from 1."""

    word: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The instructions of the file at `path` in order."""

    path: str
    instructions: tuple[Instruction, ...]

    def of(self, *words: str) -> Iterator[Instruction]:
        """The instructions with one of these words."""
        return (one for one in self.instructions if one.word in words)

    def defaults(self) -> dict[str, str]:
        """The build arguments that have a default value."""
        pairs = [word.partition("=") for one in self.of("ARG") for word in _words(one.value)]
        return {name: value for name, equals, value in pairs if equals and value}

    def bases(self) -> list[tuple[Instruction, str]]:
        """Each FROM with its image, options left out."""
        found = []
        for one in self.of("FROM"):
            words = [word for word in one.value.split() if not word.startswith("--")]
            found.append((one, words[0] if words else ""))
        return found

    def copies(self) -> list[tuple[Instruction, list[str], str]]:
        """Each COPY and ADD with its sources and its target."""
        found = []
        for one in self.of("COPY", "ADD"):
            words = [word for word in _copy_words(one.value) if not word.startswith("--")]
            if len(words) > 1:
                found.append((one, words[:-1], words[-1]))
        return found

    def workdir(self) -> str:
        """The last WORKDIR, "/" without one."""
        return next((one.value for one in reversed(self.instructions) if one.word == "WORKDIR"), "/")


def parse_dockerfile(text: str, path: str) -> Dockerfile:
    """Reads a Dockerfile; the bodies of here-documents are left out."""
    from dockerfile_parse import DockerfileParser

    parser = DockerfileParser(fileobj=io.BytesIO(_without_heredocs(text).encode()))
    found = [
        Instruction(row["instruction"].upper(), row["value"], row["startline"] + 1)
        for row in parser.structure
        if row["instruction"] != "COMMENT"
    ]
    return Dockerfile(path, tuple(found))


def variables(text: str) -> list[str]:
    """The names of the build arguments that `text` uses without a fall-back of its own."""
    found = [m for m in _VARIABLE.finditer(text) if ":-" not in m[0] and not re.search(r"\w-", m[0][2:])]
    return [m[1] or m[2] for m in found]


def _without_heredocs(text: str) -> str:
    lines: list[str] = []
    ends: list[str] = []
    for line in text.splitlines():
        if ends:
            if line.strip() == ends[0]:
                ends.pop(0)
            lines.append("#")
            continue
        if not line.lstrip().startswith("#"):
            ends = [found[2] for found in _HEREDOC.finditer(line)]
        lines.append(line)
    return "\n".join(lines) + "\n"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _copy_words(text: str) -> list[str]:
    return re.findall(r'"([^"]*)"', text) if text.lstrip().startswith("[") else text.split()
