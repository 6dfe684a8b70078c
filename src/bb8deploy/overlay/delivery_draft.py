"""A delivery while it is being made, and its purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.settings.app_instance import Instance
from bb8deploy.workspace.tree_digest import STAMP, Entry, Manifest, bytes_entry


@dataclass(frozen=True, slots=True)
class Live:
    """A delivery of the dev loop.

    `folder` is the app folder's name on the host, `base` the run whose delivery the image was built from,
    `built` the workspace's tree of that run, `began` the tree that is there when a container starts with
    this delivery, or was there when the running one started. `seen` has every file of every delivery since
    the build: what is not in this one must not be in the container. `way` is `live` if the agent in the
    running container is to bring it into effect; else a new container does.
    """

    folder: str
    base: str
    built: Manifest
    began: Manifest
    seen: Manifest
    way: str = "live"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a delivery is for; `proof`: how the running app is to show which content it has; `live`: files may
    be replaced in the running container; `instance`: the copy of the app that it is, None for the app itself.
    """

    proof: Proof = Proof.STAMP
    live: Live | None = None
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A generated file: its content, and whether it has the executable bit."""

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


def with_made(tree: Manifest, made: Mapping[str, MadeFile]) -> Manifest:
    """A tree with generated files in it or in place of its own; without the stamp."""
    kept = [entry for entry in tree.entries if entry.path not in made]
    return Manifest.of([*kept, *(_entry(path, file) for path, file in made.items() if path != STAMP)])


def _entry(path: str, file: MadeFile) -> Entry:
    return bytes_entry(path, file.data, executable=file.executable)
