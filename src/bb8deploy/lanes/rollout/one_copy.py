"""Copies the app once for all hosts: an edit during a rollout reaches none of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bb8deploy.catalogue.errors.host import WORKSPACE_MOVING
from bb8deploy.lanes.sync.plan_from_workspace import AppRead, read_app
from bb8deploy.plan.sync_plan import without_stamp
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import Entry, walk


@contextmanager
def one_copy(run: Run) -> Iterator[AppRead]:
    """The app of the workspace, read and hashed once, in a folder that no user edits.

    Raises CheckFailed WORKSPACE_MOVING if a file is changed or removed while it is copied.
    """
    with tempfile.TemporaryDirectory(prefix="bb8-rollout-") as folder:
        place = Path(folder) / run.addon.name
        place.mkdir()
        with run.step("copy and hash the app") as facts:
            tree = walk(run.addon, Ignore.of_workspace(run.workspace))
            for entry in tree.entries:
                _copy(run.addon, entry, place)
            read = read_app(run, place)
            if read.app.tree.digest != without_stamp(tree).digest:
                raise WORKSPACE_MOVING("a file changed in the workspace while the app was being copied")
            facts.update(tree=read.app.tree.digest, files=len(read.app.tree.entries))
        yield read


def _copy(source: Path, entry: Entry, place: Path) -> None:
    target = place / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(source / entry.path, target, follow_symlinks=False)
    except OSError as error:
        raise WORKSPACE_MOVING(f"{entry.path} changed in the workspace while it was being copied") from error
