"""Makes a delivery from an app: pure, from its tree, a stamp and a purpose.

To add generated files for a purpose, add a field to `Purpose` and a function `Draft -> Draft` to `OVERLAYS`.
Such a function looks at `draft.purpose`, reads what it changes with `draft.text(path)`, which is the text as
earlier functions left it, and returns `draft.put(path, data)`. A path of the workspace may be put too: then
the host gets the new content in its place, such as another config.yaml. The order counts: what changes
config.yaml comes first, the seal comes last because it describes all other files. `deliver` itself puts the
stamp in.

`Delivery.tree.digest` is the digest of the workspace's tree: the name of the content, in tokens and in what
runs. `Delivery.manifest` is what the host must hold, without the stamp. Its digest is in the stamp too, as
`delivery`, so that an edit by hand on the host shows, in a generated file as in any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from bb8deploy.overlay.app import AppSource
from bb8deploy.plan.logs.identity import Proof
from bb8deploy.plan.sync import Stamp
from bb8deploy.workspace.tree import STAMP, Entry, Manifest, bytes_entry


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a delivery is for; `proof`: how the running app is to show which content it has."""

    proof: Proof = Proof.STAMP


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A generated file: its content, and whether it has the run bit."""

    data: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A delivery that is being made; `made` are the generated files so far, by path."""

    app: AppSource
    stamp: Stamp
    purpose: Purpose
    made: Mapping[str, MadeFile] = field(default_factory=dict)

    def text(self, path: str) -> bytes | None:
        """The file as it will be delivered, None if there is none or it is not one of the app's texts."""
        made = self.made.get(path)
        return made.data if made else self.app.texts.get(path)

    def put(self, path: str, data: bytes, *, executable: bool = False) -> Draft:
        """The draft with a generated file at `path`, in place of the workspace's if it has one there."""
        return replace(self, made={**self.made, path: MadeFile(data, executable)})

    @property
    def manifest(self) -> Manifest:
        """Every file that will be delivered, but the stamp."""
        return with_made(self.app.tree, self.made)


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


OVERLAYS: tuple[Callable[[Draft], Draft], ...] = ()
"""What makes generated files, in this order."""


def deliver(app: AppSource, stamp: Stamp, purpose: Purpose | None = None) -> Delivery:
    """The delivery of an app for a purpose. Equal arguments give an equal delivery.

    `stamp` names the version, tree, commit and run; the digest of the delivery is filled in here.
    """
    draft = Draft(app, stamp, purpose or Purpose())
    for overlay in OVERLAYS:
        draft = overlay(draft)
    whole = replace(stamp, delivery=draft.manifest.digest, proof=draft.purpose.proof.value)
    return Delivery(app.tree, draft.put(STAMP, whole.data()).made, whole)


def with_made(tree: Manifest, made: Mapping[str, MadeFile]) -> Manifest:
    """A tree with generated files in it or in place of its own; without the stamp."""
    kept = [entry for entry in tree.entries if entry.path not in made]
    return Manifest.of([*kept, *(_entry(path, file) for path, file in made.items() if path != STAMP)])


def _entry(path: str, file: MadeFile) -> Entry:
    return bytes_entry(path, file.data, executable=file.executable)
