"""Reads what the host's shell programs answer: marked sections of bytes, and trees made of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.host import HOST_TREE_MOVING
from bb8deploy.workspace.tree_digest import Entry, FoundTree, Manifest, PutIn, link_entry


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A marked part of an answer: its name, an argument after the name, its bytes."""

    name: str
    argument: str
    body: bytes


def sections(answer: bytes, mark: str) -> list[AnswerPart]:
    """The sections of an answer; anything before the first mark is the host's own output and dropped."""
    found: list[AnswerPart] = []
    for part in answer.split(f"\n{mark} ".encode())[1:]:
        head, _, body = part.partition(b"\n")
        name, _, argument = head.decode(errors="replace").partition(" ")
        found.append(AnswerPart(name, argument, body))
    return found


def tree_of(parts: list[AnswerPart]) -> FoundTree:
    """The tree that a `tree` program listed.

    Raises CheckFailed HOST_TREE_MOVING if a file could not be hashed: gone, changed or unreadable.
    """
    bodies = {part.name: part.body for part in parts}
    if "ABSENT" in bodies:
        return FoundTree(present=False, cut="CUT" in bodies)
    if "WHOLE" not in bodies:
        raise _moving("a file or folder")
    kinds = dict(_kinds(bodies.get("NAMES", b"")))
    files = [path for path, kind in kinds.items() if kind in _FILES]
    hashes = dict(_hashes(files, bodies.get("HASHES", b"")))
    targets = [os.fsdecode(t) for t in bodies.get("TARGETS", b"").split(b"\0")]
    links = [path for path, kind in kinds.items() if kind == "link"]
    entries = [Entry(p, "file", hashes[p], 0, kinds[p] == "runnable") for p in files]
    entries += [link_entry(path, target) for path, target in zip(links, targets, strict=False)]
    return FoundTree(
        present=True,
        manifest=Manifest.of(entries),
        folders=tuple(path for path, kind in kinds.items() if kind == "folder" and path != "."),
        others=tuple(path for path, kind in kinds.items() if kind == "other"),
        stamp=stamp_of(parts),
        configs={p.argument: p.body.decode(errors="replace") for p in parts if p.name == "CONFIG"},
        times=_times(tuple(kinds), bodies.get("TIMES", b"")),
        put_in=put_in_of(parts),
    )


def stamp_of(parts: Iterable[AnswerPart]) -> str:
    """The text of build_stamp.json in an answer, empty if there is none."""
    return next((part.body.decode(errors="replace") for part in parts if part.name == "STAMP"), "")


def put_in_of(parts: Iterable[AnswerPart]) -> PutIn:
    """What is recorded beside the app folder, by an answer."""
    return PutIn.parse(next((part.argument for part in parts if part.name == "PUT_IN"), ""))


def escape(path: str) -> str:
    """A path as one line for `printf %b` on the host: `./` before it, odd bytes in octal."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
    text = "".join(chr(b) if b in plain else f"\\0{b:03o}" for b in os.fsencode(path))
    return f"./{text}"


_KINDS = ("file", "runnable", "folder", "link", "other")
_FILES = ("file", "runnable")


def _kinds(body: bytes) -> Iterator[tuple[str, str]]:
    """Each path and its kind; the program names a path once or more often, by its kind."""
    for name, again in groupby(body.split(b"\0")):
        times = len(list(again))
        if name:
            yield os.fsdecode(name.removeprefix(b"./")), _KINDS[min(times, len(_KINDS)) - 1]


def _times(paths: tuple[str, ...], body: bytes) -> dict[str, str]:
    """The time of each path, in the order of the names; empty if the host has no times."""
    told = body.decode(errors="replace").splitlines()
    if told and len(told) != len(paths):
        raise _moving("a file or folder")
    return dict(zip(paths, told, strict=False))


def _hashes(files: list[str], body: bytes) -> Iterator[tuple[str, str]]:
    """Reads sha256sum's or `openssl dgst -r`'s lines against the names that were listed in the same order.

    With the name known, its form is clear: unchanged (busybox), or with a leading backslash and escapes
    (coreutils for backslashes and newlines, openssl for newlines alone). openssl is several times faster
    where the processor has no instructions for SHA-256.
    """
    at = 0
    for path in files:
        raw = b"./" + os.fsencode(path)
        one_line = raw.replace(b"\n", b"\\n")
        escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        for lead, name in ((b"", raw), (b"\\", escaped), (b"\\", one_line)):
            end = at + len(lead) + 64 + 2 + len(name)
            line = body[at : end + 1]
            between = line[len(lead) + 64 : len(lead) + 66]
            if line.startswith(lead) and between in _BETWEEN and line[len(lead) + 66 :] == name + b"\n":
                yield path, line[len(lead) : len(lead) + 64].decode()
                at = end + 1
                break
        else:
            raise _moving(path)
    if at != len(body):
        raise _moving("a file")


_BETWEEN = (b"  ", b" *")


def _moving(what: str) -> CheckFailed:
    return HOST_TREE_MOVING(f"{what} on the host could not be read while the app folder was being hashed")
