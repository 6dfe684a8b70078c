"""Makes a delivery from an app: pure, from its tree, a stamp and a purpose.

To add generated files for a purpose, add a field to `Purpose` (delivery_draft.py) and a function `Draft ->
Draft` to `OVERLAYS`. Such a function looks at `draft.purpose`, reads with `draft.text(path)` the text as
earlier functions left it, and returns `draft.put(path, data)`. A path of the workspace may be put too: then
the host gets the new content in its place, such as another config.yaml. The order counts: what changes
config.yaml comes first, the seal comes last because it describes all other files. `deliver` itself puts the
stamp in. `Delivery.tree.digest` is the digest of the workspace's tree: the name of the content, in tokens
and in what runs. `Delivery.manifest` is what the host must hold, without the stamp. Its digest is in the
stamp too, as `delivery`, so that an edit by hand on the host shows, in a generated file as in any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery_draft import Draft, MadeFile, Purpose, with_made
from bb8deploy.overlay.instance import instanced
from bb8deploy.overlay.live.dev_overlay import with_live
from bb8deploy.overlay.local_build import built_here
from bb8deploy.overlay.seal.add_seal import sealed
from bb8deploy.plan.sync_plan import LIVE, Stamp
from bb8deploy.workspace.tree_digest import STAMP, Manifest


@dataclass(frozen=True)
class Delivery:
    """What the host must hold: `tree` is the workspace's, `made` the generated files, `stamp` among them."""

    tree: Manifest
    made: Mapping[str, MadeFile]
    stamp: Stamp

    @cached_property
    def manifest(self) -> Manifest:
        """Every file on the host but the stamp."""
        return with_made(self.tree, self.made)

    @property
    def digest(self) -> str:
        """The digest of everything on the host but the stamp."""
        return self.manifest.digest

    @property
    def contents(self) -> dict[str, bytes]:
        """The generated contents by path, the stamp included: all that is in no file of the workspace."""
        return {path: file.data for path, file in self.made.items()}


OVERLAYS: tuple[Callable[[Draft], Draft], ...] = (instanced, built_here, with_live, sealed)
"""What makes generated files, in this order."""


def deliver(app: AppSource, stamp: Stamp, purpose: Purpose | None = None) -> Delivery:
    """The delivery of an app for a purpose. Equal arguments give an equal delivery.

    `stamp` names the version, tree, commit and run; the digest of the delivery is filled in here.
    """
    draft = drafted(app, stamp, purpose or Purpose())
    instance = draft.purpose.instance
    whole = replace(
        stamp,
        delivery=draft.manifest.digest,
        proof=LIVE if draft.purpose.live else draft.purpose.proof.value,
        ports=instance.ports if instance else "",
    )
    return Delivery(app.tree, draft.put(STAMP, whole.data()).made, whole)


def drafted(app: AppSource, stamp: Stamp, purpose: Purpose) -> Draft:
    """The generated files for a purpose, without the stamp."""
    draft = Draft(app, stamp, purpose)
    for overlay in OVERLAYS:
        draft = overlay(draft)
    return draft
