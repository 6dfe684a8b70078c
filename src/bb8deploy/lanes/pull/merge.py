"""Merges one file three ways: as it was sent, as it is on the host, as it is here."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.workspace import git


@dataclass(frozen=True, slots=True)
class MergedFile:
    """What becomes of a file here: its new content, None if it goes; `conflict` if both sides changed it."""

    path: str
    before: bytes | None
    after: bytes | None
    conflict: bool = False

    @property
    def changes(self) -> bool:
        """Whether the workspace's file changes."""
        return not self.conflict and self.before != self.after


def merge(path: str, sent: bytes | None, host: bytes | None, here: bytes | None) -> MergedFile:
    """Takes the host's edit of a file into the one here; None is a file that does not exist.

    Raises what git raises.
    """
    if here in (sent, host):
        return MergedFile(path, here, host)
    if host == sent:
        return MergedFile(path, here, here)
    if None in (sent, host, here) or any(b"\0" in (side or b"") for side in (sent, host, here)):
        return MergedFile(path, here, here, conflict=True)
    with tempfile.TemporaryDirectory(prefix="bb8-merge-") as folder:
        for name, data in (("here", here), ("sent", sent), ("host", host)):
            (Path(folder) / name).write_bytes(data or b"")
        done = git.call(Path(folder), "merge-file", "-p", "-q", "here", "sent", "host")
    if done.returncode:
        return MergedFile(path, here, here, conflict=True)
    return MergedFile(path, here, done.stdout)
