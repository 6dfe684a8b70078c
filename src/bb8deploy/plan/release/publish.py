"""Decides, from what the remote holds, which of branch and tag must be pushed; nothing here touches git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bb8deploy.catalogue.errors.ship.publish import TAG_EXISTS, TAG_STRAY


@dataclass(frozen=True, slots=True)
class RemoteState:
    """What the remote has: the branch's tip and its tree, the tag's commit and its tree, all may be empty.

    `tag_on_branch`: the tag's commit is the tip or one of its ancestors.
    """

    tip: str = ""
    tip_tree: str = ""
    tag_commit: str = ""
    tag_tree: str = ""
    tag_on_branch: bool = False
    default_branch: str = ""


@dataclass(frozen=True, slots=True)
class Pushes:
    """What is missing on the remote."""

    branch: bool
    tag: bool

    @property
    def nothing(self) -> bool:
        """Whether the remote has it all."""
        return not (self.branch or self.tag)


def decide(remote: RemoteState, tree: str, version: str) -> Pushes:
    """The pushes that make branch and tag hold `tree`.

    A tag with the same tree is success, so that a publish can be run again; raises CheckFailed where
    the tag has another tree, or lies beside the branch.
    """
    if remote.tag_commit and remote.tag_tree != tree:
        raise TAG_EXISTS(f"the remote has a tag {version} with other content")
    if remote.tag_commit and not remote.tag_on_branch:
        raise TAG_STRAY(f"the remote's tag {version} is on no commit of its branch")
    return Pushes(branch=remote.tip_tree != tree, tag=not remote.tag_commit)


def overwritten(base: Mapping[str, str], tip: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The paths whose hand edit on the remote would be lost.

    Each mapping is path to mode and object id: `base` the last tree that came from here, `tip` what the
    remote has now, `new` what shall be published. An edit that `new` has too is no loss.
    """
    edited = {path for path in base.keys() | tip.keys() if base.get(path) != tip.get(path)}
    return sorted(path for path in edited if tip.get(path) != new.get(path))
