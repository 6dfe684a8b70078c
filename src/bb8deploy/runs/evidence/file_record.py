"""The record of one file, from which a later check names the byte that changed.

Next to its SHA-256 each file has two sums modulo a prime: of its bytes, and of its bytes times their
position. If one byte was changed, their differences give the place and the old value; putting that back
must give the recorded hash, so the answer is proven. Wider damage is narrowed down to the first block whose
hash differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from bb8deploy.base.untrusted_json import JsonObject

BLOCK = 4096
# 2**61 - 1 is prime and larger than any file's size, so positions stay distinct and differences invert.
PRIME = 2**61 - 1


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file as it was: `sums` locate a single wrong byte, `blocks` are hashes of 4096 bytes each."""

    path: str
    size: int
    sha256: str
    sums: tuple[int, int]
    blocks: tuple[str, ...]

    def as_row(self) -> JsonObject:
        """The record as it is in a manifest."""
        return {
            "path": self.path,
            "size": self.size,
            "sha256": self.sha256,
            "sums": list(self.sums),
            "blocks": list(self.blocks),
        }

    @classmethod
    def of_row(cls, row: JsonObject) -> Artifact:
        """The record in a manifest. Raises KeyError, TypeError or ValueError for any other mapping."""
        plain, placed = row["sums"]
        return cls(
            path=str(row["path"]),
            size=int(row["size"]),
            sha256=str(row["sha256"]),
            sums=(int(plain), int(placed)),
            blocks=tuple(str(block) for block in row["blocks"]),
        )


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one file; `offset` counts bytes from 0, None if no byte can be named."""

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
    )


def compare(artifact: Artifact, data: bytes) -> Flaw | None:
    """What differs between a file's record and `data`, None if nothing does."""
    if len(data) == artifact.size and hashlib.sha256(data).hexdigest() == artifact.sha256:
        return None
    if len(data) == artifact.size and (flaw := _single_byte(artifact, data)):
        return flaw
    return _first_block(artifact, data)


def _single_byte(artifact: Artifact, data: bytes) -> Flaw | None:
    """The one byte that was changed, proven by the hash of the repaired content."""
    plain, placed = _sums(data)
    change = (plain - artifact.sums[0]) % PRIME
    change = change - PRIME if change > PRIME // 2 else change
    if change == 0:
        return None
    offset = ((placed - artifact.sums[1]) * pow(change, -1, PRIME)) % PRIME - 1
    if not 0 <= offset < len(data) or not 0 <= data[offset] - change <= 255:
        return None
    was = data[offset] - change
    repaired = data[:offset] + bytes([was]) + data[offset + 1 :]
    if hashlib.sha256(repaired).hexdigest() != artifact.sha256:
        return None
    return Flaw(artifact.path, f"byte {offset} is 0x{data[offset]:02x}, it was 0x{was:02x}", offset)


def _first_block(artifact: Artifact, data: bytes) -> Flaw:
    """The first stretch that differs, or the end of a file that was cut or extended."""
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


def _sums(data: bytes) -> tuple[int, int]:
    return sum(data) % PRIME, sum(place * byte for place, byte in enumerate(data, 1)) % PRIME


def _block_hashes(data: bytes) -> Iterable[str]:
    for start in range(0, len(data), BLOCK):
        yield hashlib.sha256(data[start : start + BLOCK]).hexdigest()[:16]
