"""What the dev loop knows about the container: what it was built from, started with, and runs now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bb8deploy.catalogue.errors.app import VERIFY_IMPOSSIBLE
from bb8deploy.catalogue.errors.dev import DEV_ON
from bb8deploy.host.open_host import Host
from bb8deploy.host.shell.host_probe import Surroundings
from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery_draft import Draft, Live, Purpose
from bb8deploy.overlay.live.choose_way import Choice, Way, choose
from bb8deploy.overlay.live.dev_overlay import FOLDER, listed_tree, live_map
from bb8deploy.overlay.proof_level import level_of
from bb8deploy.overlay.seal.entry_point import Unknown
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.tree_digest import FoundTree, Manifest, diff

_ASKED = "asked for"
_DEPLOY_INSTEAD = "Use `bb8deploy deploy`, which does not need a proof."


@dataclass(frozen=True, slots=True)
class Container:
    """The container of the dev loop.

    `base` is the run whose delivery it was built from, `built` the tree of that run, `began` the tree that
    was there when the container started, `runs` the tree that it reported last. `seen` has every file of
    every delivery since the build, also of those that were never proven. `unproven` is the way of a delivery
    that may have reached the container since `runs` was reported.
    """

    base: str
    built: Manifest
    began: Manifest
    runs: Manifest
    seen: Manifest
    unproven: Way | None = None

    @classmethod
    def of_build(cls, run: str, tree: Manifest) -> Container:
        """A container that was just built and reported its tree."""
        return cls(run, tree, tree, tree, tree)

    def restarted(self, tree: Manifest) -> Container:
        """The container after a restart with this tree."""
        return replace(self, began=tree, runs=tree, unproven=None)

    def restarted_by_others(self) -> Container:
        """The container after a restart that the dev loop did not ask for: it has the newest delivery."""
        return self.restarted(self.runs) if self.unproven is None else replace(self, unproven=Way.RESTART)

    def sees(self, tree: Manifest, way: Way = Way.LIVE) -> Container:
        """The container once a delivery of this tree may have reached it."""
        seen = Manifest.of({**self.seen.by_path, **tree.by_path}.values())
        return replace(self, seen=seen, unproven=Way.RESTART if self.unproven is Way.RESTART else way)

    def has(self, tree: Manifest) -> bool:
        """Whether it reported this tree, and nothing else was delivered to it since."""
        return self.unproven is None and self.runs.digest == tree.digest

    def live(self, tree: Manifest) -> Container:
        """The container after files were replaced in it."""
        return replace(self, runs=tree, unproven=None)


def attached(base: str, built: str, began: str, seen: str) -> Container | None:
    """The container as the files on the host describe it; None if they are not those of a dev loop."""
    built_tree, began_tree, seen_tree = (listed_tree(text) for text in (built, began, seen))
    if not (base and built_tree.entries and began_tree.entries and seen_tree.entries):
        return None
    return Container(base, built_tree, began_tree, began_tree, seen_tree)


def way_of(app: AppSource, stamp: Stamp, container: Container | None, forced: Way | None = None) -> Choice:
    """How the app's tree comes into effect in this container; None: there is none to change.

    `forced` is the way that the user asks for; an app that only builds can change is built all the same.
    """
    draft = Draft(app, stamp, Purpose())
    known = (container.seen, container.built, container.began) if container else ()
    image = live_map(draft, app.tree, *known)
    if isinstance(image, Unknown):
        return Choice(Way.BUILD, _ASKED if forced is Way.BUILD else image.why, without_agent=True)
    if forced:
        return Choice(forced, _ASKED)
    if container is None:
        return Choice(Way.BUILD, "the container is not of this dev loop")
    for before in (container.built, container.seen):
        whole = choose(diff(before, app.tree), image)
        if whole.way is Way.BUILD:
            return whole
    since = choose(diff(container.began, app.tree), image)
    if container.unproven is Way.RESTART and since.way is Way.LIVE:
        return Choice(Way.RESTART, "an earlier change took effect when the container started")
    return since if since.way is Way.RESTART else choose(diff(container.runs, app.tree), image)


def purpose_of(
    folder: str, stamp: Stamp, app: AppSource, choice: Choice, container: Container | None
) -> Purpose:
    """What is delivered for a way: a build starts from this very delivery.

    An app that only builds can change has no agent; it is proven as in a deploy. Raises CheckFailed
    VERIFY_IMPOSSIBLE if it cannot be.
    """
    if choice.without_agent:
        level = level_of(app, stamp, Purpose())
        if level.proof is Proof.RUNNING:
            raise VERIFY_IMPOSSIBLE(f"the dev loop cannot prove what runs: {level.why}", _DEPLOY_INSTEAD)
        return Purpose(proof=level.proof)
    if choice.way is Way.BUILD or container is None:
        return Purpose(live=Live(folder, stamp.run, app.tree, app.tree, app.tree, choice.way.value))
    began = app.tree if choice.way is Way.RESTART else container.began
    return Purpose(
        live=Live(folder, container.base, container.built, began, container.seen, choice.way.value)
    )


def require_dev_off(host: Host, around: Surroundings | None) -> None:
    """Raises CheckFailed DEV_ON if the app folder on the host has the files of the dev loop.

    `around` is what a look at an ssh host has shown already; a mounted folder is looked at here.
    """
    if around.place.dev if around else host.files.fetch([f"{FOLDER}/stamp"]):
        raise DEV_ON(f"the dev loop is on in {host.files.where}")


def is_on(found: FoundTree) -> bool:
    """Whether the app folder on the host has the files of the dev loop."""
    return any(path.startswith(f"{FOLDER}/") for path in found.manifest.by_path)
