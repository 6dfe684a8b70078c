"""What an overlay knows of an app: its tree, and the few texts that generated files are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bb8deploy.workspace.tree_digest import Manifest

TEXT_LIMIT = 1_000_000
"""Bytes of a file that is read as text; a longer one is not a Dockerfile."""
_NAMES = frozenset(
    {
        "config.yaml",
        "config.yml",
        "config.json",
        "build.yaml",
        "build.yml",
        "build.json",
        "apparmor.txt",
        ".dockerignore",
    }
)


@dataclass(frozen=True, slots=True)
class AppSource:
    """An app as the workspace has it.

    `tree` is without the stamp. `texts` are the contents of the files that `is_text` names, by path, and
    equal to their entries in `tree`. `arches` are those of config.yaml; `image` is its `image:`, empty if
    the host builds the app itself. `names_stamp`: a file of the app mentions build_stamp.json, so the app
    most likely reports it.
    """

    version: str
    slug: str
    tree: Manifest
    texts: Mapping[str, bytes] = field(default_factory=dict)
    arches: tuple[str, ...] = ()
    image: str = ""
    names_stamp: bool = False


def is_text(path: str) -> bool:
    """Whether an overlay may be made from the file at `path`: config, Dockerfiles, ignore files, profile."""
    return path in _NAMES or path == "Dockerfile" or (path.startswith("Dockerfile.") and "/" not in path)
