"""The files of a git tree, as a push or an image build takes them: hashes and private contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bb8deploy.workspace import git as g
from bb8deploy.workspace.private_files import PrivateContent, private_content
from bb8deploy.workspace.tree_digest import Entry

_CHUNK = 64 * 1024 * 1024
"""Bytes of contents that are in memory at once, unless one file is larger."""
_KINDS: Mapping[str, Literal["file", "link"]] = {"100644": "file", "100755": "file", "120000": "link"}
_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """A file or link of a tree, with what is private in its content."""

    entry: Entry
    private: tuple[PrivateContent, ...]

    @property
    def path(self) -> str:
        """The path, relative to the tree."""
        return self.entry.path


@dataclass(frozen=True, slots=True)
class Committed:
    """A tree: its files and links, and the paths of its submodules, of which it holds no file."""

    files: tuple[CommittedFile, ...]
    submodules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    mode: str
    object_id: str
    size: int
    path: str


def read_committed(folder: Path, tree: str) -> Committed:
    """Reads every file of `tree` from the repository of `folder`; the working tree is not used."""
    rows = _rows(g.git(folder, "ls-tree", "-r", "-l", "-z", "--full-tree", tree))
    files = [
        _file(row, data)
        for chunk in _chunks([row for row in rows if row.mode in _KINDS])
        for row, data in zip(chunk, read_blobs(folder, [row.object_id for row in chunk]), strict=True)
    ]
    return Committed(tuple(files), tuple(row.path for row in rows if row.mode == _SUBMODULE))


def read_blobs(folder: Path, object_ids: Sequence[str]) -> list[bytes]:
    """The contents of blobs, in the order of their ids."""
    wanted = "".join(f"{object_id}\n" for object_id in object_ids).encode()
    output = g.output(folder, "cat-file", "--batch", stdin=wanted)
    found: list[bytes] = []
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        size = int(output[at:end].rsplit(b" ", 1)[1])  # `<id> blob <size>`
        found.append(output[end + 1 : end + 1 + size])
        at = end + size + 2
    return found


def _rows(text: str) -> list[_Row]:
    """The rows of `ls-tree -l -z`: mode, type, id and size, then a tab and the path."""
    rows: list[_Row] = []
    for line in filter(None, text.split("\0")):
        facts, _, path = line.partition("\t")
        mode, _kind, object_id, size = facts.split()
        rows.append(_Row(mode, object_id, int(size) if size.isdigit() else 0, path))
    return rows


def _chunks(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    chunk: list[_Row] = []
    total = 0
    for row in rows:
        if chunk and total + row.size > _CHUNK:
            yield chunk
            chunk, total = [], 0
        chunk.append(row)
        total += row.size
    if chunk:
        yield chunk


def _file(row: _Row, data: bytes) -> CommittedFile:
    kind = _KINDS[row.mode]
    entry = Entry(
        row.path,
        kind,
        hashlib.sha256(data).hexdigest(),
        len(data),
        executable=row.mode == "100755",
        target=data.decode(errors="surrogateescape") if kind == "link" else "",
    )
    return CommittedFile(entry, tuple(private_content(data)))
