"""evidence_manifest.json: the record of a run's folder, and the check that names what changed in it.

The manifest records the name of the folder, the run id and every file. Its last field, the seal, is the
record of the manifest's own text before it, so that a change of the manifest is named like that of any file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bb8deploy.base.atomic_files import write_bytes
from bb8deploy.base.os_differences import real_path
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.tool import EVIDENCE_MISSING, EVIDENCE_UNREADABLE
from bb8deploy.runs.evidence.file_record import Artifact, Flaw, compare, describe

NAME = "evidence_manifest.json"
SIGNATURE = f"{NAME}.sig"
_SEAL = b',\n "seal": '
_NO_SEAL = "its seal is missing"


class Checked(NamedTuple):
    """What a folder should hold, and every difference; no difference means that nothing changed."""

    artifacts: tuple[Artifact, ...]
    flaws: tuple[Flaw, ...]


def write_manifest(folder: Path, run_id: str, *, to_come: Mapping[str, bytes] | None = None) -> Path:
    """Records every file of a run's folder in its `evidence_manifest.json`.

    `to_come` has what will be appended to a file right after this: the last line of the journal, which says
    that the manifest is there. An earlier manifest and its signature are replaced.
    """
    (folder / SIGNATURE).unlink(missing_ok=True)
    later = to_come or {}
    artifacts = [_record(folder, path, later.get(path, b"")) for path in _files(folder)]
    document = {
        "contract": "evidence_manifest",
        "schema_version": 2,
        "run_id": run_id,
        "folder": folder.name,
        "artifacts": [artifact.as_row() for artifact in artifacts],
    }
    body = json.dumps(document, indent=1).encode().removesuffix(b"\n}")
    write_bytes(folder / NAME, body + _tail(body), mode=0o600)
    return folder / NAME


def verify(place: Path) -> Checked:
    """Compares a folder of evidence with its manifest; `place` may also be the manifest's own path.

    Names every file that changed, is missing, was added or is a link, a folder of another name, and a changed
    manifest. Raises UsageError EVIDENCE_MISSING if there is no manifest.
    """
    manifest = place if place.is_file() else place / NAME
    folder = manifest.absolute().parent
    try:
        text = manifest.read_bytes()
    except OSError as error:
        raise EVIDENCE_MISSING(f"there is no {NAME} in {manifest.parent}") from error
    flaw = _seal_flaw(text)
    document = _parse(text)
    if document is None:
        if flaw is None or flaw.what == _NO_SEAL:
            raise EVIDENCE_UNREADABLE(f"{manifest} cannot be read as an evidence manifest")
        return Checked((), (flaw,))
    artifacts = document.artifacts
    flaws = [flaw] if flaw else []
    if document.folder != folder.name:
        flaws.append(Flaw(".", f"the folder is named {folder.name}, the record is of {document.folder}"))
    flaws += [found for artifact in artifacts if (found := _check(folder, artifact))]
    known = {artifact.path for artifact in artifacts}
    added = (path for path in _files(folder) if path not in known)
    flaws += [Flaw(path, "it was added: the record does not have it") for path in added]
    return Checked(artifacts, tuple(flaws))


@dataclass(frozen=True, slots=True)
class _Document:
    folder: str
    artifacts: tuple[Artifact, ...]


def _record(folder: Path, path: str, to_come: bytes) -> Artifact:
    return describe(path, (folder / path).read_bytes() + to_come)


def _files(folder: Path) -> list[str]:
    """Every file, link and special file of the folder, except the manifest and its signature."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in paths)
    return sorted(name for name in names if name not in {NAME, SIGNATURE})


def _tail(body: bytes) -> bytes:
    """The end of the manifest: the record of everything before it."""
    return _tail_of(describe(NAME, body))


def _tail_of(seal: Artifact) -> bytes:
    return _SEAL + json.dumps(seal.as_row()).encode() + b"\n}\n"


def _seal_flaw(text: bytes) -> Flaw | None:
    """What is wrong with the manifest's own text."""
    at = text.rfind(_SEAL)
    if at < 0:
        return Flaw(NAME, _NO_SEAL)
    body, tail = text[:at], text[at:]
    want = _tail(body)
    if tail == want:
        return None
    try:
        seal = Artifact.of_row(json.loads(tail[len(_SEAL) :].removesuffix(b"\n}\n")))
        if (found := compare(seal, body)) and tail == _tail_of(seal):
            return found
    except (ValueError, KeyError, TypeError):
        pass  # then the seal itself was changed
    return Flaw(NAME, "its seal was changed", _first_difference(tail, want, at))


def _first_difference(have: bytes, want: bytes, start: int) -> int:
    pairs = enumerate(zip(have, want, strict=False))
    return start + next((place for place, (a, b) in pairs if a != b), min(len(have), len(want)))


def _parse(text: bytes) -> _Document | None:
    """The manifest's content, None if it cannot be read."""
    try:
        document: JsonObject = json.loads(text)
        rows = document["artifacts"]
        return _Document(str(document["folder"]), tuple(Artifact.of_row(row) for row in rows))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _check(folder: Path, artifact: Artifact) -> Flaw | None:
    path = folder / artifact.path
    if not real_path(path).is_relative_to(real_path(folder)):
        return Flaw(artifact.path, "it is outside of the folder of evidence")
    if path.is_symlink():
        return Flaw(artifact.path, "it is a link")
    if not path.is_file():
        return Flaw(artifact.path, "it is missing")
    return compare(artifact, path.read_bytes())
