"""Collects the commands in the documentation, and checks them with the real command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^ *(```+|~~~+) *(\w*)")
_INLINE = re.compile(r"(?<!`)`((?:\.venv/bin/)?(?:bb8deploy|make) [^`]+)`(?!`)")
_SHELLS = {"sh", "bash", "console", "shell"}
_ENDS = {"|", "||", "&&", ";", ">", "<", "&"}
# A pattern of commands or a line of output, not a command to type.
_NOT_TYPED = re.compile(r"\.\.\.|…|\w\|\w")


@dataclass(frozen=True, slots=True)
class Told:
    """A command in a page: its words, its place, and whether it is in a code block."""

    words: tuple[str, ...]
    path: Path
    line: int
    block: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {' '.join(self.words)}"


@cache
def pages() -> tuple[Path, ...]:
    """Every page for people: README, changelog, docs and those of the app."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "addon").glob("*.md")]
    return tuple(sorted(found))


@cache
def told() -> tuple[Told, ...]:
    """Every `bb8deploy ...` and `make ...` of the pages."""
    return tuple(one for page in pages() for one in _in_page(page))


def problem(words: tuple[str, ...]) -> str:
    """Why the command line would refuse these words after `bb8deploy`, empty if it accepts them."""
    command, rest = _root(), list(words)
    try:
        while hasattr(command, "commands"):
            if not rest or rest[0] in {"--version", "--help", "-h", "--install-completion"}:
                return ""
            name = rest.pop(0)
            if name not in command.commands:
                return f"there is no command {name}"
            command = command.commands[name]
        if {"--help", "-h"} & set(rest):
            return ""
        command.make_context(words[0], rest)
    except _REFUSALS as refusal:
        # A missing argument has an empty `message`; only format_message names it.
        return str(refusal.format_message() if hasattr(refusal, "format_message") else refusal)
    return ""


def is_name(words: tuple[str, ...]) -> bool:
    """Whether these words after `bb8deploy` are the name of a command alone, as a page mentions it."""
    command = _root()
    for word in words:
        command = getattr(command, "commands", {}).get(word)
    return command is not None


def make_targets() -> frozenset[str]:
    """The targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE))


@cache
def _root() -> Any:
    from typer.main import get_command

    from bb8deploy.cli.command_groups import build

    return get_command(build())


# Typer carries its own click, whose errors it does not export: the one above BadParameter is UsageError.
_REFUSALS: tuple[Any, ...] = (typer.BadParameter.__mro__[1], ValueError)


def _in_page(page: Path) -> Iterator[Told]:
    """Commands in shell blocks line by line, and in code spans, which may wrap."""
    text = page.read_text(encoding="utf-8")
    fence, language, prose = "", "", []
    for number, line in enumerate(text.splitlines(), 1):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence, language = ("", "") if fence else (mark[1], mark[2])
        elif fence and language in _SHELLS and (words := _words(line.removeprefix("$ "))):
            yield Told(words, page, number, block=True)
        prose.append("" if mark or fence else line)
    joined = "\n".join(prose)
    for found in _INLINE.finditer(joined):
        if not _NOT_TYPED.search(found[1]) and (words := _words(" ".join(found[1].split()))):
            yield Told(words, page, joined.count("\n", 0, found.start()) + 1, block=False)


def _words(line: str) -> tuple[str, ...]:
    """The words of a line that starts with bb8deploy or make, up to a pipe; none for others."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return ()
    if not words or words[0].removeprefix(".venv/bin/") not in {"bb8deploy", "make"}:
        return ()
    end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
    return (words[0].removeprefix(".venv/bin/"), *words[1:end])
