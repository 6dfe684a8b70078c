"""Decides, from what the remote has, which of branch and tags must be pushed; nothing here touches git."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bb8deploy.catalogue.errors.ship.publish import REMOTE_AHEAD, REMOTE_UNRELATED, TAG_EXISTS, TAG_STRAY


@dataclass(frozen=True, slots=True)
class RemoteState:
    """What the remote has: the branch's tip and its tree, the tag's object, commit and tree. Any may be "".

    In a store the trees are those of the app's folder. `tag_on_branch`: the tag's commit is the tip or one of
    its ancestors.
    """

    tip: str = ""
    tip_tree: str = ""
    tag_commit: str = ""
    tag_tree: str = ""
    tag_on_branch: bool = False
    tag_object: str = ""
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


class Relation(StrEnum):
    """How the store's branch on the remote relates to the commit to publish."""

    ABSENT = "absent"
    OLDER = "older"
    HOLDS_IT = "holds it"
    DIVERGED = "diverged"
    UNRELATED = "unrelated"


def decide(remote: RemoteState, tree: str, tag: str) -> Pushes:
    """The pushes that make branch and tag hold `tree`.

    A tag with the same tree is success, so that a publish can be run again. Raises CheckFailed if the tag has
    another tree, or is beside the branch.
    """
    _require_tag(remote, tree, tag, on_branch=remote.tag_on_branch)
    return Pushes(branch=remote.tip_tree != tree, tag=not remote.tag_commit)


def decide_in_store(
    remote: RemoteState, relation: Relation, tree: str, tag: str, *, tag_is_ours: bool, shown: str, pull: str
) -> Pushes:
    """The pushes that bring a commit, in which the app's folder is `tree`, and its tag to a store.

    `tag_is_ours`: the remote's tag is on the commit or one of its ancestors. `pull` is the command that gets
    the store's newer commits. A branch that has newer commits is accepted if they do not change the app's
    folder. Raises CheckFailed as `decide` does, and if the branch has commits that this one does not build
    upon.
    """
    if relation is Relation.UNRELATED:
        raise REMOTE_UNRELATED(f"{shown} shares no commit with this workspace")
    _require_tag(remote, tree, tag, on_branch=remote.tag_on_branch or tag_is_ours)
    if relation is Relation.DIVERGED or (relation is Relation.HOLDS_IT and remote.tip_tree != tree):
        raise REMOTE_AHEAD(
            f"{shown} has commits that HEAD does not have",
            f"Run `{pull}`, check the result, then run the command again (a release: with `--resume`).",
        )
    return Pushes(branch=relation is not Relation.HOLDS_IT, tag=not remote.tag_commit)


def _require_tag(remote: RemoteState, tree: str, tag: str, *, on_branch: bool) -> None:
    if remote.tag_commit and remote.tag_tree != tree:
        raise TAG_EXISTS(f"the remote has a tag {tag} with other content")
    if remote.tag_commit and not on_branch:
        raise TAG_STRAY(f"the remote's tag {tag} is on no commit of its branch")


def pull_command(remote: str, branch: str) -> str:
    """The command that puts HEAD's own commits on top of the remote's branch. It needs no upstream."""
    return shlex.join(["git", "pull", "--rebase", remote, branch])


def overwritten(base: Mapping[str, str], tip: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The paths whose hand edit on the remote would be lost.

    Each mapping is path to mode and object id: `base` the last tree that came from here, `tip` what the
    remote has now, `new` is what will be published. An edit that `new` has too is not lost.
    """
    edited = {path for path in base.keys() | tip.keys() if base.get(path) != tip.get(path)}
    return sorted(path for path in edited if tip.get(path) != new.get(path))
