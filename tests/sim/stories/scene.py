"""The scene of a schedule: the app in several states, their workspaces on disk, a neighbour's app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.sim.hosts.world import Host, digest_of_content, may_send

SLUG, FOLDER = "local_sim_app", "sim_app"
NEIGHBOUR = {"config.yaml": b'name: Other\nversion: "9"\nslug: other\ndescription: x\narch: [amd64]\n'}

CONFIG = """name: Sim
version: "{version}"
slug: sim_app
description: An app of the simulation.
init: false
arch: [amd64]
"""
DOCKERFILE = (
    'FROM ghcr.io/home-assistant/base:3.23\nCOPY run.sh build_stamp.jso[n] /\n{more}CMD ["/run.sh"]\n'
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One state of the workspace: a version, and how its app behaves."""

    name: str
    version: str
    text: str
    more: str = ""

    @property
    def works(self) -> bool:
        """True if it builds and keeps running."""
        return "dies" not in self.text and not self.more

    @cache  # noqa: B019 - there are nine variants
    def files(self) -> Mapping[str, bytes]:
        """The app's files."""
        return {
            "config.yaml": CONFIG.format(version=self.version).encode(),
            "Dockerfile": DOCKERFILE.format(more=self.more).encode(),
            "run.sh": f"#!/bin/sh\n# {self.text}\nexec sleep 1000\n".encode(),
        }


VARIANTS = (
    Variant("one", "1.0.0", "first"),
    Variant("same version", "1.0.0", "second"),
    Variant("next", "1.0.1", "third"),
    Variant("older", "0.9.0", "fourth"),
    Variant("dies", "1.0.2", "dies at start"),
    Variant("dies, same version", "1.0.0", "dies at start too"),
    Variant("dies later", "1.0.4", "dies later"),
    Variant("does not build", "1.0.3", "fifth", "RUN broken\n"),
    Variant("does not build, same version", "1.0.0", "sixth", "RUN broken\n"),
)


@cache
def variant_digests() -> frozenset[str]:
    """The digests of all variants."""
    return frozenset(digest_of_content(variant.files()) for variant in VARIANTS)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The host, the reports and the time after a first deploy, from which schedules start."""

    host: Host
    files: Mapping[str, bytes]
    now: float


@dataclass(slots=True)
class Stage:
    """What the schedules of a process share: the workspaces, which are only read, and the first deploys.

    `begun` has a deploy over the `ha` command and one over Core's WebSocket, `sites` folders with
    repositories.
    """

    root: Path
    folders: dict[str, Path] = field(default_factory=dict)
    begun: dict[bool, Snapshot] = field(default_factory=dict)
    sites: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, variant in enumerate(VARIANTS):
            may_send(variant.files())
            addon = self.root / str(number) / "addon"
            addon.mkdir(parents=True)
            for path, data in variant.files().items():
                (addon / path).write_bytes(data)
                (addon / path).chmod(0o755 if path == "run.sh" else 0o644)
            self.folders[variant.name] = addon.parent
