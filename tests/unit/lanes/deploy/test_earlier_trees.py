"""Which of the earlier trees a rollback goes back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.files.app_folder_interface import EarlierTree, InPlace
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.deploy.earlier_trees import next_older
from bb8deploy.plan.sync_plan import LIVE, Stamp
from bb8deploy.workspace.tree_digest import PutIn

NOW = Stamp("2.0", "sha256:now", "c", "20261127T03", proof="sealed")
DEV = Stamp("2.0", "sha256:now", "c", "20261127T02-1", proof=LIVE)
BEFORE = Stamp("1.0", "sha256:before", "c", "20261127T01", proof="sealed")


@dataclass
class Files:
    """A host's app folder with earlier trees, as the rollback reads it."""

    kept: tuple[Stamp, ...]
    now: Stamp = NOW
    put_in: PutIn = field(default_factory=PutIn)
    runtime: str = "/addons/lamp"
    where: str = "ha:/addons/lamp"

    def in_place(self) -> InPlace:
        return InPlace.of(self.now.data().decode(), self.put_in)

    def earlier(self) -> tuple[EarlierTree, ...]:
        return tuple(EarlierTree(f"earlier.{n}", stamp.data().decode()) for n, stamp in enumerate(self.kept))


@dataclass
class Folder:
    """A host of which only the files matter."""

    files: Files


def host(*kept: Stamp) -> Host:
    return cast("Host", Folder(Files(kept)))


def test_a_tree_of_the_dev_loop_is_passed_over() -> None:
    assert next_older(host(DEV, BEFORE)).stamp == BEFORE


def test_a_host_that_keeps_only_trees_of_the_dev_loop_has_none_to_go_back_to() -> None:
    with pytest.raises(CheckFailed) as caught:
        next_older(host(DEV))
    assert caught.value.code == "PREVIOUS_MISSING"
