"""publish_contract_v1: what was published where, and what was read back."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from bb8deploy.runs.contracts.base import Contract


class ImageModel(BaseModel):
    """One image as the registry gave it back."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    arch: str
    digest: str


class PublishContract(Contract):
    """The publish lane. Ids are git object ids; `pushed` names the refs that this run changed.

    `tree` is what was planned, `read_back_tree` what the remote's branch held afterwards; with the layout
    `store` both are the tree of the app's folder in the commit.
    """

    contract: Literal["publish_contract_v1"] = "publish_contract_v1"
    remote: str
    branch: str
    source_commit: str = ""
    tree: str = ""
    commit: str = ""
    read_back_tree: str = ""
    tag: str = ""
    tag_commit: str = ""
    pushed: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()
    method: str = "commit-tree"
    layout: str = ""
    images: tuple[ImageModel, ...] = ()
    error: str = ""
