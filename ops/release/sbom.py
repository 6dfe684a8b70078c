"""Writes a CycloneDX bill of materials from a hashed lock: the same lock always makes the same bytes."""

from __future__ import annotations

import argparse
import json
import re
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(?:\s*;\s*([^\\\n]+))?", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pinned:
    """One package of a lock; `marker` is the environment that it is for, empty for every one."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pinned(lock: str) -> tuple[Pinned, ...]:
    """The packages of the text of a lock, by name and version."""
    starts = [*_PIN.finditer(lock)]
    ends = [*(found.start() for found in starts[1:]), len(lock)]
    found = (
        Pinned(
            re.sub(r"[-_.]+", "-", one[1]).lower(),
            one[2],
            (one[3] or "").strip(),
            tuple(sorted(_HASH.findall(lock[one.end() : end]))),
        )
        for one, end in zip(starts, ends, strict=True)
    )
    return tuple(sorted(found, key=lambda one: (one.name, one.version)))


def bill(name: str, version: str, packages: tuple[Pinned, ...]) -> dict[str, object]:
    """The CycloneDX 1.6 document of a component with these packages; without a time, so it is repeatable."""
    components = [_component(one) for one in packages]
    content = json.dumps([name, version, components], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": name, "name": name, "version": version}},
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [one["bom-ref"] for one in components]}],
    }


def _component(one: Pinned) -> dict[str, object]:
    """The package; each file that the lock allows is a distribution with its hash."""
    purl = f"pkg:pypi/{one.name}@{one.version}"
    files = [
        {
            "type": "distribution",
            "url": f"https://pypi.org/project/{one.name}/{one.version}/#files",
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }
        for digest in one.hashes
    ]
    marker = {"properties": [{"name": "bb8deploy:marker", "value": one.marker}]} if one.marker else {}
    return {
        "type": "library",
        "bom-ref": purl,
        "name": one.name,
        "version": one.version,
        "purl": purl,
        "externalReferences": files,
        **marker,
    }


def main() -> None:
    """Prints the bill of materials of a lock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", type=Path, help="a lock with hashes, such as addon/requirements.txt")
    parser.add_argument("name", help="the component that is made from the lock")
    parser.add_argument("version")
    given = parser.parse_args()
    document = bill(given.name, given.version, pinned(given.lock.read_text(encoding="utf-8")))
    json.dump(document, sys.stdout, indent=2, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
