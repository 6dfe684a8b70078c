"""COPY and ADD: which files a source names, and where each of them goes."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bb8deploy.checks.reading.dockerignore import DockerIgnore
from ha_sandbox.runtime.building.build_log import StepFailed


@dataclass(frozen=True, slots=True)
class Origin:
    """Where COPY takes files from: the build context with its .dockerignore, or the tree of a stage."""

    root: Path
    ignore: DockerIgnore = field(default_factory=DockerIgnore)

    @classmethod
    def of_context(cls, folder: Path, dockerfile: Path) -> Origin:
        """The build context; a <Dockerfile>.dockerignore replaces .dockerignore as a whole."""
        files = (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), folder / ".dockerignore")
        text = next((file.read_text(encoding="utf-8") for file in files if file.is_file()), "")
        return cls(folder, DockerIgnore.parse(text))

    def matching(self, source: str) -> list[Path]:
        """The paths that a source names. Raises StepFailed if there is none and it is not a pattern."""
        name = source.lstrip("/").removeprefix("./").rstrip("/")
        if name in {"", "."}:
            return [self.root]
        is_pattern = any(sign in name for sign in "*?[")
        found = sorted(self.root.glob(name)) if is_pattern else [self.root / name]
        seen = [path for path in found if path.exists() and not (path.is_file() and self._hides(path))]
        if not seen and not is_pattern:
            raise StepFailed(f'failed to compute cache key: "/{name}": not found')
        return seen

    def files_below(self, folder: Path) -> Iterator[Path]:
        """The files in a folder that the builder sees."""
        return (path for path in sorted(folder.rglob("*")) if path.is_file() and not self._hides(path))

    def _hides(self, path: Path) -> bool:
        return self.ignore.ignored(path.relative_to(self.root).as_posix())


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies into a stage's tree. `mode` is what --chmod sets, None for the files' own."""

    tree: Path
    workdir: str
    mode: int | None = None
    unpack: bool = False

    def copy(self, origin: Origin, sources: Sequence[str], target: str) -> list[str]:
        """Copies each source; returns the paths and hashes of what it wrote, for the cache's key."""
        paths = [path for source in sources for path in origin.matching(source)]
        into = target.endswith("/") or len(sources) > 1
        return [mark for path in paths for mark in self._one(origin, path, target, into=into)]

    def write(self, body: str, target: str, name: str) -> list[str]:
        """Writes a here-document's body."""
        place = self._place(target)
        place = place / name if target.endswith("/") or place.is_dir() else place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{body}\n", encoding="utf-8")
        return self._mark(place)

    def _one(self, origin: Origin, path: Path, target: str, *, into: bool) -> Iterator[str]:
        destination = self._place(target)
        if path.is_dir():
            destination.mkdir(parents=True, exist_ok=True)
            for file in origin.files_below(path):
                yield from self._put(file, destination / file.relative_to(path))
        elif self.unpack and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                archive.extractall(destination, filter="tar")
            yield hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            yield from self._put(
                path, destination / path.name if into or destination.is_dir() else destination
            )

    def _put(self, source: Path, place: Path) -> list[str]:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        shutil.copymode(source, place)
        return self._mark(place)

    def _mark(self, place: Path) -> list[str]:
        if self.mode is not None:
            place.chmod(self.mode)
        return [str(place.relative_to(self.tree)), hashlib.sha256(place.read_bytes()).hexdigest()]

    def _place(self, target: str) -> Path:
        return self.tree / str(PurePosixPath(self.workdir) / target).lstrip("/")
