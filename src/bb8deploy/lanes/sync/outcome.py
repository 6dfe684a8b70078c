"""The result of lane 2, which the lanes after it receive."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.overlay.delivery import Delivery
from bb8deploy.overlay.proof_level import ProofLevel
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.plan.sync_plan import Stamp, SyncPlan
from bb8deploy.workspace.tree_digest import FoundTree, Manifest


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What lane 2 saw and did.

    `before` is what the app folder on the host held before, `tree` what it held when it was last hashed;
    `archive` is the folder of the earlier tree on the host, None if there is none; `diffs` are unified diffs,
    made on request only.
    """

    plan: SyncPlan
    delivery: Delivery
    level: ProofLevel
    before: FoundTree
    tree: FoundTree
    where: str
    previous_digest: str
    archive: str | None
    diffs: tuple[str, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """The workspace's tree, without generated files."""
        return self.delivery.tree

    @property
    def digest(self) -> str:
        """The digest of the workspace's tree."""
        return self.delivery.tree.digest

    @property
    def version(self) -> str:
        """The app's version."""
        return self.delivery.stamp.version

    @property
    def run_id_on_host(self) -> str:
        """The run of the stamp that is on the host now, an earlier run if nothing had to be sent."""
        return self.delivery.stamp.run

    @property
    def expected(self) -> Expected:
        """What must run from what is on the host now."""
        return Expected(self.version, self.digest, self.run_id_on_host)

    @property
    def changed(self) -> tuple[str, ...]:
        """Every path that had to change on the host."""
        return self.plan.changes.paths

    @property
    def nothing_to_do(self) -> bool:
        """True if the host held exactly this already."""
        return self.plan.nothing

    @property
    def previous(self) -> Stamp | None:
        """The stamp that was on the host before."""
        return self.plan.earlier
