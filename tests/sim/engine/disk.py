"""Reports in memory: paths that the product reads and writes like files, without a disk."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = "/reports of the simulation"
_FILES: dict[str, bytes] = {}
_CHANGED: dict[str, int] = {}
_MOMENTS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Stat:
    """What the product asks of a file's state: when it changed."""

    st_mtime_ns: int


class MemoryPath(PurePosixPath):
    """A path below ROOT. All of them share one disk, which holds the files of one schedule."""

    __slots__ = ()

    def exists(self) -> bool:
        """True for a file, and for a folder that holds one."""
        return self.is_file() or any(name.startswith(f"{self!s}/") for name in _FILES)

    def is_file(self) -> bool:
        """True for a file."""
        return str(self) in _FILES

    def is_dir(self) -> bool:
        """True for a folder that holds a file."""
        return not self.is_file() and self.exists()

    def is_symlink(self) -> bool:
        """False: there are no links on this disk."""
        return False

    def read_bytes(self) -> bytes:
        """The content. Raises FileNotFoundError."""
        try:
            return _FILES[str(self)]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", str(self)) from None

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The content as text."""
        return self.read_bytes().decode(encoding, errors)

    def stat(self) -> Stat:
        """When the file, or the newest file of the folder, changed."""
        inside = f"{self!s}/"
        return Stat(max(_CHANGED[name] for name in _FILES if name == inside[:-1] or name.startswith(inside)))

    def glob(self, pattern: str) -> Iterator[MemoryPath]:
        """The files and folders below this one whose relative path matches, part by part."""
        for parts in _matching(str(self), pattern.split("/")):
            yield self.joinpath(*parts)


def _below(folder: str) -> Iterator[str]:
    return (name[len(folder) :] for name in _FILES if name.startswith(folder))


def _matching(folder: str, wanted: list[str]) -> list[tuple[str, ...]]:
    """The parts of the paths below `folder` that match, each once."""
    heads = dict.fromkeys(tuple(name.split("/")[: len(wanted)]) for name in _below(f"{folder}/"))
    return [
        parts for parts in heads if len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))
    ]


def write(path: MemoryPath, data: bytes) -> None:
    """Replaces a file."""
    _FILES[str(path)], _CHANGED[str(path)] = data, next(_MOMENTS)


def append(path: MemoryPath, data: bytes) -> None:
    """Appends to a file."""
    write(path, _FILES.get(str(path), b"") + data)


def take() -> Mapping[str, bytes]:
    """A copy of the disk."""
    return dict(_FILES)


def put(files: Mapping[str, bytes]) -> None:
    """Makes the disk hold these files and no others."""
    _FILES.clear()
    _CHANGED.clear()
    for name, data in files.items():
        write(MemoryPath(name), data)


def reports(name: str) -> Path:
    """The reports folder of a user: for the product it is a Path."""
    return MemoryPath(ROOT, name)  # type: ignore[return-value]
