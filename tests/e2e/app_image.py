"""The app's real image, built on the lab's bases from a copy of addon/."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ops.lab import bases
from ops.lab.engine import Engine

ADDON = Path(__file__).parents[2] / "addon"
VERSION = "2026.11.23.0"
STAMP = {"version": VERSION, "tree": "sha256:" + "ab" * 32, "commit": "c0ffee", "run": "e2e"}
BASES: dict[str, Callable[[], Path]] = {"alpine": bases.alpine_base, "debian": bases.debian_base}


def build(docker: Engine, name: str, scratch: Path) -> str:
    """The app's image on a base, built or from the engine's cache; the Alpine one has the stamp of a deploy.

    LabUnavailable if the base cannot be made here.
    """
    docker.docker("import", "--change", 'ENTRYPOINT ["/init"]', str(BASES[name]()), f"lab-{name}:1")
    tree = scratch / "addon"
    shutil.copytree(ADDON, tree, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    if name == "alpine":
        (tree / "build_stamp.json").write_text(json.dumps(STAMP))
    arguments = ("--build-arg", f"BUILD_FROM=lab-{name}:1", "--build-arg", f"BUILD_VERSION={VERSION}")
    docker.docker("build", "--network", "host", *arguments, "--tag", f"bb8-{name}", str(tree), timeout_s=500)
    return f"bb8-{name}"


def unpack(docker: Engine, image: str, scratch: Path) -> Path:
    """The files of an image's root in a folder, with their owners and modes."""
    container = docker.docker("create", image).strip()
    archive, root = scratch / "root.tar", scratch / "root"
    docker.docker("export", "--output", str(archive), container)
    docker.docker("rm", container)
    root.mkdir()
    subprocess.run(["tar", "--numeric-owner", "-xpf", str(archive), "-C", str(root)], check=True, timeout=300)
    archive.unlink()
    return root
