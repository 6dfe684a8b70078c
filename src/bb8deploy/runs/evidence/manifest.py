"""evidence_manifest.json: hashes of a run's files, and the check that tells later which byte is wrong.

Next to its SHA-256 each file has two sums modulo a prime: of its bytes, and of its bytes times their
position. If one byte was changed, their differences give the place and the old value; putting that back
must give the recorded hash, so the answer is proven, not guessed. Wider damage is narrowed down to the first
block whose hash differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bb8deploy.base.atomic import write_text
from bb8deploy.catalogue.errors.tool import EVIDENCE_MISSING, EVIDENCE_UNREADABLE

NAME = "evidence_manifest.json"
BLOCK = 4096
# 2**61 - 1 is prime and larger than any file's size, so positions stay distinct and differences invert.
PRIME = 2**61 - 1
# Files that grow after the manifest is made: what stood there then must still stand there.
GROWING = frozenset({"journal.jsonl"})


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file as it was: `sums` locate a single wrong byte, `blocks` are hashes of 4096 bytes each."""

    path: str
    size: int
    sha256: str
    sums: tuple[int, int]
    blocks: tuple[str, ...]
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one file; `offset` counts bytes from 0, None where no byte can be named."""

    path: str
    what: str
    offset: int | None = None


def describe(path: str, data: bytes) -> Artifact:
    """The record of a file's content."""
    return Artifact(
        path=path,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sums=_sums(data),
        blocks=tuple(_block_hashes(data)),
        grows=PurePosixPath(path).name in GROWING,
    )


def write_manifest(folder: Path, run_id: str, extra: dict[str, Any] | None = None) -> Path:
    """Records every file of a run's folder in its `evidence_manifest.json`."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != NAME and not _passing(p))
    artifacts = [describe(p.relative_to(folder).as_posix(), p.read_bytes()) for p in files]
    rows = [_as_row(artifact) for artifact in artifacts]
    document = {
        "contract": "evidence_manifest",
        "schema_version": 1,
        "run_id": run_id,
        **(extra or {}),
        "artifacts": rows,
    }
    write_text(folder / NAME, json.dumps(document, indent=1) + "\n", mode=0o600)
    return folder / NAME


def verify(folder: Path) -> tuple[list[Artifact], list[Flaw]]:
    """Holds a folder of evidence against its manifest: all that is recorded, and what is wrong with it.

    `folder` may also be the manifest's own path. Raises UsageError where there is no readable manifest.
    """
    manifest = folder if folder.is_file() else folder / NAME
    artifacts = list(_read(manifest))
    flaws = [flaw for artifact in artifacts if (flaw := _check(manifest.parent, artifact))]
    return artifacts, flaws


def compare(artifact: Artifact, data: bytes) -> Flaw | None:
    """What differs between a file's record and `data`, None where nothing does."""
    if artifact.grows:
        data = data[: artifact.size]
    if hashlib.sha256(data).hexdigest() == artifact.sha256:
        return None
    if len(data) == artifact.size and (flaw := _single_byte(artifact, data)):
        return flaw
    return _first_block(artifact, data)


def _single_byte(artifact: Artifact, data: bytes) -> Flaw | None:
    """The one byte that was changed, proven by the hash of the mended content."""
    plain, placed = _sums(data)
    change = (plain - artifact.sums[0]) % PRIME
    change = change - PRIME if change > PRIME // 2 else change
    if change == 0:
        return None
    offset = ((placed - artifact.sums[1]) * pow(change, -1, PRIME)) % PRIME - 1
    if not 0 <= offset < len(data) or not 0 <= data[offset] - change <= 255:
        return None
    was = data[offset] - change
    mended = data[:offset] + bytes([was]) + data[offset + 1 :]
    if hashlib.sha256(mended).hexdigest() != artifact.sha256:
        return None
    return Flaw(artifact.path, f"byte {offset} is 0x{data[offset]:02x}, it was 0x{was:02x}", offset)


def _first_block(artifact: Artifact, data: bytes) -> Flaw:
    """The first stretch that differs, or the end of a file that was cut or went on."""
    found = list(_block_hashes(data))
    for number, (have, want) in enumerate(zip(found, artifact.blocks, strict=False)):
        whole = (number + 1) * BLOCK <= min(len(data), artifact.size)
        if have != want and (whole or len(data) == artifact.size):
            end = min((number + 1) * BLOCK, artifact.size) - 1
            return Flaw(
                artifact.path,
                f"more than one byte differs, first within {number * BLOCK}..{end}",
                number * BLOCK,
            )
    if len(data) < artifact.size:
        return Flaw(artifact.path, f"it ends after {len(data)} bytes, it had {artifact.size}", len(data))
    return Flaw(artifact.path, f"it has {len(data)} bytes, it had {artifact.size}", artifact.size)


def _check(folder: Path, artifact: Artifact) -> Flaw | None:
    path = folder / artifact.path
    if not path.resolve().is_relative_to(folder.resolve()):
        return Flaw(artifact.path, "it lies outside of the folder of evidence")
    if not path.is_file():
        return Flaw(artifact.path, "it is missing")
    return compare(artifact, path.read_bytes())


def _read(manifest: Path) -> Iterable[Artifact]:
    try:
        rows = json.loads(manifest.read_text("utf-8"))["artifacts"]
        return [_as_artifact(row) for row in rows]
    except FileNotFoundError as error:
        raise EVIDENCE_MISSING(f"there is no {NAME} in {manifest.parent}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EVIDENCE_UNREADABLE(
            f"{manifest} cannot be read as an evidence manifest",
            f"Name a run's folder or its {NAME}; if this is one, it was damaged: fetch the folder again.",
        ) from error


def _as_row(artifact: Artifact) -> dict[str, Any]:
    return {
        "path": artifact.path,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "sums": list(artifact.sums),
        "blocks": list(artifact.blocks),
        "grows": artifact.grows,
    }


def _as_artifact(row: dict[str, Any]) -> Artifact:
    plain, placed = row["sums"]
    return Artifact(
        path=str(row["path"]),
        size=int(row["size"]),
        sha256=str(row["sha256"]),
        sums=(int(plain), int(placed)),
        blocks=tuple(str(block) for block in row["blocks"]),
        grows=bool(row.get("grows", False)),
    )


def _sums(data: bytes) -> tuple[int, int]:
    return sum(data) % PRIME, sum(place * byte for place, byte in enumerate(data, 1)) % PRIME


def _block_hashes(data: bytes) -> Iterable[str]:
    for start in range(0, len(data), BLOCK):
        yield hashlib.sha256(data[start : start + BLOCK]).hexdigest()[:16]


def _passing(path: Path) -> bool:
    """Temporary files of a write that is under way."""
    return path.name.startswith(".") and path.name.endswith(".tmp")
