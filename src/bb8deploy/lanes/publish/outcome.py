"""What a publication is asked for, one in progress, and what it published and read back."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.lanes.publish.committed_source import Publication
from bb8deploy.lanes.publish.remote_state import Store
from bb8deploy.plan.release.image_commands import Image
from bb8deploy.runs.run import Run


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """`overwrite` overwrites hand edits on the remote; `subtree_split` publishes with `git subtree split`;
    `image` builds and pushes images first and publishes a config that names them. If this follows a deploy,
    `commit` and `verified` are the commit and the tree digest that it proved: nothing else is published.
    """

    overwrite: bool = False
    subtree_split: bool = False
    image: bool = False
    commit: str = ""
    verified: str = ""


@dataclass(frozen=True, slots=True)
class PublishOutcome:
    """What this run published and read back; `pushed` is empty if the remote had everything.

    In a store `commit` is the workspace's own, and `tree` that of the app's folder in it.
    """

    version: str
    source_commit: str
    tree: str
    remote: str = ""
    branch: str = ""
    commit: str = ""
    read_back_tree: str = ""
    tag: str = ""
    tag_commit: str = ""
    pushed: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()
    method: str = "commit-tree"
    layout: str = ""
    images: tuple[Image, ...] = ()


@dataclass(slots=True)
class PublishTask:
    """The publication of one app in progress."""

    run: Run
    store: Store
    options: PublishOptions
    source: Publication
    outcome: PublishOutcome
