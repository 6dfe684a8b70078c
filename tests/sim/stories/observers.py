"""What pulls and options of the simulated users meet: a workspace with git, and the laws that look on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.sim.engine.swap import Swap
from tests.sim.laws import Laws

from bb8deploy.lanes.options import options as options_lane
from bb8deploy.lanes.pull import pull as pull_lane
from bb8deploy.lanes.pull import sent_tree
from bb8deploy.plan.app_settings import AppSettings
from bb8deploy.workspace.git import Head

_READ_BACK = options_lane._read_back


def pull_swaps(laws: Laws, dirty: tuple[str, ...]) -> list[Swap]:
    """Workspaces with a commit, in which the files `dirty` have changes that are not committed.

    What a pull writes is checked, and goes nowhere: the workspaces are shared.
    """

    def write(path: Path, data: bytes | None) -> None:
        laws.tasks.call(f"write {path.name} into the workspace")
        laws.pulled(path.name, data, dirty)

    git = SimpleNamespace(
        head_state=lambda _folder: Head("c" * 40, dirty=bool(dirty)),
        prefix=lambda _folder: "addon/",
        output=lambda *_: "".join(f" M addon/{path}\0" for path in dirty).encode(),
        has_commit=lambda *_: False,
    )
    return [(pull_lane, "git", git), (sent_tree, "git", git), (pull_lane, "_write", write)]


def options_swaps(laws: Laws) -> list[Swap]:
    """Checks the app's options as soon as a command has read them back."""

    def read_back(run: Any, way: Any, wanted: AppSettings) -> None:
        _READ_BACK(run, way, wanted)
        laws.options_set(wanted.options["level"])

    return [(options_lane, "_read_back", read_back)]
