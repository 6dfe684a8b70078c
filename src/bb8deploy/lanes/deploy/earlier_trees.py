"""Lists the earlier trees that a host keeps, and chooses the one that a rollback goes back to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bb8deploy.catalogue.errors.host import PREVIOUS_MISSING
from bb8deploy.host.files.app_folder_interface import PREVIOUS, EarlierTree, InPlace
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.host_session import Access, connected
from bb8deploy.plan.logs.identity_line import Identity, Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.runs.run import Run

IN_PLACE = ""


@dataclass(frozen=True, slots=True)
class StampedTree:
    """An earlier tree: its name on the host, and its stamp, None for a tree that bb8deploy did not send.

    `name` is IN_PLACE for one that is in the app folder already.
    """

    name: str
    stamp: Stamp | None

    @property
    def in_words(self) -> str:
        """The version and the run that sent it."""
        if self.stamp is None:
            return "not sent by bb8deploy"
        dev = ", by the dev loop" if self.stamp.of_dev_loop else ""
        return f"{self.stamp.version} of run {self.stamp.run}{dev}"


def earlier_trees(run: Run, access: Access | None = None) -> tuple[StampedTree, ...]:
    """The earlier trees on the host, the newest first. Takes no lock."""
    with connected(run, access) as host:
        return kept_on(host)


def kept_on(host: Host) -> tuple[StampedTree, ...]:
    """The earlier trees, the newest swap's first."""
    return tuple(_kept(tree) for tree in host.files.earlier())


def next_older(host: Host, ran: Collection[tuple[str, str]] = ()) -> StampedTree:
    """The newest earlier tree that is older than the present one: a second rollback goes back further.

    If a run that did not come to its end has put the present tree back, it is this one: that rollback is then
    completed. A tree of the dev loop does not count: it would turn the dev loop on. One of `ran`, which are
    known to have run by version and tree, comes before one that was only synced. Raises CheckFailed
    PREVIOUS_MISSING if there is none.
    """
    every = kept_on(host)
    kept = [tree for tree in every if not (tree.stamp and tree.stamp.of_dev_loop)]
    place = host.files.in_place()
    now = Stamp.parse(place.stamp)
    if is_left(place):
        return StampedTree(IN_PLACE, now)
    older = [tree for tree in kept if now is None or tree.stamp is None or tree.stamp.run < now.run]
    if older:
        return next((tree for tree in older if _may_have_run(tree.stamp, ran)), older[0])
    where = host.files.where
    if not kept:
        raise PREVIOUS_MISSING(f"{where} has no earlier tree to go back to")
    raise PREVIOUS_MISSING(
        f"{where} keeps no tree that is older than {now.version if now else 'the present one'}",
        "See `bb8deploy rollback --list`; `bb8deploy rollback VERSION` takes a tagged version from git.",
        details=[f"{tree.name}: {tree.in_words}" for tree in every],
    )


def is_left(place: InPlace) -> bool:
    """Whether a run that did not come to its end put this tree back: the next rollback completes that."""
    now = Stamp.parse(place.stamp)
    return place.unfinished and not (now and now.of_dev_loop)


def _may_have_run(stamp: Stamp | None, ran: Collection[tuple[str, str]]) -> bool:
    """False for a tree whose app would have reported itself, and has not."""
    return stamp is None or stamp.proof == Proof.RUNNING or (stamp.version, stamp.tree) in ran


def last_that_ran(host: Host, ran: Identity | None) -> str:
    """The name of the newest earlier tree that `ran` reports, else of the newest one.

    A sync without an install leaves a tree on the host that never ran.
    """
    names = (
        tree.name
        for tree in kept_on(host)
        if ran and tree.stamp and (tree.stamp.version, tree.stamp.tree) == (ran.version, ran.tree)
    )
    return next(names, PREVIOUS)


def _kept(tree: EarlierTree) -> StampedTree:
    return StampedTree(tree.name, Stamp.parse(tree.stamp))
