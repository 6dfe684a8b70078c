"""What a RUN step does with files that were copied before it: it may read them, or only set their rights."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bb8deploy.checks.reading.dockerfile_parser import Instruction
from bb8deploy.checks.reading.dockerfile_words import json_form, split_flags

# They neither read nor change a file that was copied. Package managers do: their scripts read /etc.
_READ_NOTHING = frozenset(("echo", "mkdir", "set", "true", ":"))
_RIGHTS = frozenset(("chmod", "chown", "chgrp"))
_CLEANED = ("/var/", "/tmp/", "/root/.cache")  # noqa: S108 - folders of an image
_SEPARATOR = re.compile(r"&&|\|\||[;|&\n(){}`]|\$\(")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=\S*")


@dataclass(frozen=True, slots=True)
class RunStep:
    """`reads`: it may read any file that was copied before it; `rights` are the words of its chmod and chown
    commands. Folders among them count with all below.
    """

    line: int
    text: str
    reads: bool
    rights: tuple[str, ...] = ()

    def sets_rights_of(self, path: str) -> bool:
        """Whether it may set owner or mode of this absolute path; a variable may stand for anything."""
        return any(_may_mean(word, path) for word in self.rights)


def run_step(one: Instruction) -> RunStep:
    """Reads a RUN. A command that is not known to leave the copied files alone may read them."""
    flags, text = split_flags(one.value)
    words = json_form(text)
    script = "\n".join(part.body for part in one.heredocs) if _is_script(one, text) else text
    commands = [words] if words is not None else list(_commands(script))
    rights = tuple(word for each in commands if each[:1] and each[0] in _RIGHTS for word in each[1:])
    reads = "mount" in flags or any(_reads(each) for each in commands)
    return RunStep(one.line, _short(text), reads, rights)


def _is_script(one: Instruction, text: str) -> bool:
    """Whether the step is nothing but a here-document, which the shell then runs."""
    return len(one.heredocs) == 1 and text.startswith("<<") and len(text.split()) == 1


def _commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell text, each as its words; one that cannot be split is `?`."""
    joined = re.sub(r"\\\s*\n", " ", text)
    if "<<" in joined or "<(" in joined:
        yield ["?"]
        return
    for part in _SEPARATOR.split(joined):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            yield ["?"]
            return
        while words and _ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
        if words:
            yield words


def _reads(words: Sequence[str]) -> bool:
    name = words[0].rpartition("/")[2]
    if any(sign in word for word in words for sign in "<>"):
        return True
    if name in _READ_NOTHING:
        return False
    if name in _RIGHTS:
        return any(word.startswith("--reference") for word in words)
    if name == "rm":
        return not all(word.startswith(("-", *_CLEANED)) for word in words[1:])
    return not _is_compileall(name, words)


def _is_compileall(name: str, words: Sequence[str]) -> bool:
    """Compiled modules are made again by Python itself from the source that is there."""
    return name.startswith("python") and list(words[1:3]) == ["-m", "compileall"]


@lru_cache(maxsize=16384)  # the dev loop asks the same at each save
def _may_mean(word: str, path: str) -> bool:
    """Whether a word of chmod may name the path, a folder above it, or a pattern for either.

    A relative word is taken for any folder's.
    """
    if word.startswith("-"):
        return False
    if "$" in word:
        return True
    parts = path.strip("/").split("/")
    wanted = [part for part in word.split("/") if part not in ("", ".")]
    if ".." in wanted or not wanted:
        return True
    starts = [0] if word.startswith("/") else range(len(parts))
    return any(_fits(wanted, parts[start:]) for start in starts)


def _fits(wanted: Sequence[str], parts: Sequence[str]) -> bool:
    if len(wanted) > len(parts):
        return False
    return all(re.fullmatch(_glob(want), part) for want, part in zip(wanted, parts, strict=False))


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> str:
    loose = {"*": ".*", "?": ".", "[": ".*", "]": ".*", "{": ".*", "}": ".*"}
    return "".join(loose.get(char, re.escape(char)) for char in pattern)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:37]}..."
