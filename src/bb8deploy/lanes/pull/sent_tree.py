"""Restores the tree that the host's stamp names: the base of a three-way merge."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.catalogue.errors.host import PULL_NO_BASE
from bb8deploy.lanes.sync.plan_from_workspace import read_source
from bb8deploy.overlay.delivery import Delivery, deliver
from bb8deploy.overlay.delivery_draft import Purpose
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.runs.run import Run
from bb8deploy.settings.app_instance import Instance
from bb8deploy.workspace import git
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import Manifest


@dataclass(frozen=True, slots=True)
class SentTree:
    """What a run sent: its source folder, and the delivery that was made of it; `tree` has no generated
    files."""

    source: Path
    delivery: Delivery
    manifest: Manifest

    def content(self, path: str) -> bytes | None:
        """The content of a file or the target of a link as it was sent, None if it was not sent."""
        entry = self.manifest.by_path.get(path)
        if entry is None:
            return None
        made = self.delivery.made.get(path) if self.manifest is not self.delivery.tree else None
        if made:
            return made.data
        return entry.target.encode() if entry.kind == "link" else (self.source / path).read_bytes()

    def is_generated(self, path: str) -> bool:
        """Whether the path is in no workspace."""
        return path in self.manifest.by_path and path not in self.delivery.tree.by_path


@contextmanager
def sent_tree(run: Run, stamp: Stamp) -> Iterator[SentTree]:
    """The tree that the run of the stamp sent: from the workspace if it is unchanged, else from the commit.

    Raises CheckFailed PULL_NO_BASE if neither is what was sent.
    """
    with ExitStack() as stack:
        found = _made(run, run.addon, stamp)
        if found is None and git.has_commit(run.workspace, stamp.commit):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bb8-pull-"))
            source = Path(folder) / "app"
            source.mkdir()
            git.write_tree_files(
                run.workspace, git.folder_tree(run.workspace, run.addon, stamp.commit), source
            )
            found = _made(run, source, stamp)
        if found is None:
            raise PULL_NO_BASE(
                f"run {stamp.run} sent a tree that is neither in the workspace nor in commit {stamp.commit}"
            )
        yield found


def _made(run: Run, source: Path, stamp: Stamp) -> SentTree | None:
    """The delivery of the app in a folder, None if it is not what was sent."""
    app = read_source(source, Ignore.of_workspace(run.workspace))
    if app.tree.digest != stamp.tree:
        return None
    instance = run.settings.instance
    named = Instance(instance.name, stamp.ports) if instance else None
    for proof in [Proof(stamp.proof)] if stamp.proof in set(Proof) else list(Proof):
        own = Stamp(stamp.version, stamp.tree, stamp.commit, stamp.run)
        delivery = deliver(app, own, Purpose(proof=proof, instance=named))
        if delivery.digest == stamp.sent:
            return SentTree(source, delivery, delivery.manifest)
        if app.tree.digest == stamp.sent:
            return SentTree(source, delivery, delivery.tree)
    return None
