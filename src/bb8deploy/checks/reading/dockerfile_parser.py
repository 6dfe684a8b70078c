"""Reads a Dockerfile as BuildKit does: directives, continuations, comments, here-documents, stages.

Source: moby/buildkit, frontend/dockerfile/parser/parser.go. The published parsers for Python take a shift or
a here-string for a here-document and do not know of scopes, so this one is our own; the sandbox uses it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bb8deploy.checks.reading.dockerfile_words import json_form, pairs, split_flags, split_words

WORDS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
_WITH_HEREDOC = frozenset(("ADD", "COPY", "RUN", "ONBUILD"))
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S+)\s*")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)")


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document: its end word, its body, whether leading tabs of its lines are dropped."""

    name: str
    body: str
    strip_tabs: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word in capitals, its text with continuations joined.

    `line` is its first line from 1, `end` its last one, here-documents included.
    """

    word: str
    value: str
    line: int
    heredocs: tuple[Heredoc, ...] = ()
    end: int = 0

    @property
    def text(self) -> str:
        """The text together with the bodies of its here-documents: all that a shell would run."""
        return "\n".join([self.value, *(one.body for one in self.heredocs)])


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY or ADD: sources and target as written, and its flags; sources leave here-documents out."""

    instruction: Instruction
    sources: tuple[str, ...]
    target: str
    flags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """A FROM and what follows it: the image as written, the stage's name in lower case or ""."""

    base: Instruction
    image: str
    name: str
    instructions: tuple[Instruction, ...]

    def of(self, *words: str) -> Iterator[Instruction]:
        """The stage's instructions with one of these words."""
        return (one for one in self.instructions if one.word in words)

    def copies(self) -> list[Copy]:
        """Each COPY and ADD of the stage."""
        return [copy for one in self.of("COPY", "ADD") if (copy := _copy(one))]


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of the file at `path` in order; `escape` is its continuation character."""

    path: str
    instructions: tuple[Instruction, ...]
    escape: str = "\\"

    def of(self, *words: str) -> Iterator[Instruction]:
        """The instructions with one of these words."""
        return (one for one in self.instructions if one.word in words)

    @property
    def global_args(self) -> list[Instruction]:
        """The ARG instructions before the first FROM: the only ones that FROM sees."""
        found = []
        for one in self.instructions:
            if one.word == "FROM":
                break
            if one.word == "ARG":
                found.append(one)
        return found

    @cached_property
    def stages(self) -> list[Stage]:
        """The stages in order; the last one becomes the image."""
        starts = [index for index, one in enumerate(self.instructions) if one.word == "FROM"]
        ends = [*starts[1:], len(self.instructions)]
        return [
            _stage(self.instructions[start], self.instructions[start + 1 : end])
            for start, end in zip(starts, ends, strict=False)
        ]

    def defaults(self) -> dict[str, str]:
        """The arguments before the first FROM that have a default value, quotes removed."""
        return {
            name: value.strip("\"'")
            for one in self.global_args
            for name, value in pairs(one.value)
            if value is not None and value.strip("\"'")
        }

    def copies(self) -> list[Copy]:
        """Each COPY and ADD of every stage."""
        return [copy for stage in self.stages for copy in stage.copies()]


def parse_dockerfile(text: str, path: str = "Dockerfile") -> Dockerfile:
    """Reads a Dockerfile; never raises. Words that Docker does not know are kept as instructions."""
    lines = text.removeprefix("\ufeff").split("\n")
    escape = _escape(lines)
    return Dockerfile(path, tuple(_instructions([line.removesuffix("\r") for line in lines], escape)), escape)


def _escape(lines: list[str]) -> str:
    for line in lines:
        found = _DIRECTIVE.fullmatch(line.strip())
        if not found:
            break
        if found[1].lower() == "escape" and found[2] in ("\\", "`"):
            return found[2]
    return "\\"


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    at = 0
    while at < len(lines):
        start, logical, at = _logical(lines, at, escape)
        if not logical.strip():
            continue
        word, _, rest = logical.strip().replace("\t", " ", 1).partition(" ")
        word = word.upper()
        heredocs: list[Heredoc] = []
        if word in _WITH_HEREDOC:
            for name, strip_tabs in _heredoc_names(rest):
                body, at = _body(lines, at, name, strip_tabs=strip_tabs)
                heredocs.append(Heredoc(name, body, strip_tabs))
        yield Instruction(word, rest.strip(), start + 1, tuple(heredocs), at)


def _logical(lines: list[str], at: int, escape: str) -> tuple[int, str, int]:
    """The next instruction from line `at`: its first line, its joined text, and the line after it."""
    parts: list[str] = []
    start = at
    while at < len(lines):
        line = lines[at]
        at += 1
        bare = line.strip()
        if not bare or bare.startswith("#"):
            if not parts:
                start = at
            continue
        trimmed = line.rstrip(" \t")
        if trimmed.endswith(escape):
            parts.append(trimmed[: -len(escape)])
            continue
        parts.append(line)
        break
    return start, "".join(parts), at


def _heredoc_names(text: str) -> Iterator[tuple[str, bool]]:
    if "<<" not in text:
        return
    for word in split_words(text):
        found = _HEREDOC.fullmatch(word)
        if found:
            yield found[2].strip("\"'"), bool(found[1])


def _body(lines: list[str], at: int, name: str, *, strip_tabs: bool) -> tuple[str, int]:
    body: list[str] = []
    while at < len(lines):
        line = lines[at]
        at += 1
        if (line.lstrip("\t") if strip_tabs else line) == name:
            break
        body.append(line)
    return "\n".join(body), at


def _stage(base: Instruction, rest: tuple[Instruction, ...]) -> Stage:
    _flags, text = split_flags(base.value)
    words = text.split()
    named = len(words) == 3 and words[1].lower() == "as"
    return Stage(base, words[0] if words else "", words[2].lower() if named else "", rest)


def _copy(one: Instruction) -> Copy | None:
    flags, rest = split_flags(one.value)
    words = json_form(rest) or split_words(rest)
    if len(words) < 2:
        return None
    sources = [word for word in words[:-1] if not _HEREDOC.fullmatch(word)]
    return Copy(one, tuple(sources), words[-1], flags)
