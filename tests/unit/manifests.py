"""Manifests for tests that need no files."""

from __future__ import annotations

from bb8deploy.workspace.tree_digest import Entry, Manifest


def with_entry(manifest: Manifest, entry: Entry) -> Manifest:
    """The manifest with one entry added or replaced."""
    return Manifest.of([*(e for e in manifest.entries if e.path != entry.path), entry])
