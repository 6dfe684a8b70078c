"""Checks the app folder on the host after the build: the same files, one folder for the slug."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.host import HOST_CHANGED, HOST_TREE_MOVING, TOPOLOGY_WRONG
from bb8deploy.host.folder_rehash import seen_beside
from bb8deploy.host.open_host import Host
from bb8deploy.host.slug_folders import Topology
from bb8deploy.lanes.host_session import config_slug_of, is_pulled
from bb8deploy.lanes.verify.app_observer import TAIL, Watch
from bb8deploy.lanes.verify.verify_types import Delivered
from bb8deploy.plan.sync_plan import changed_since, touched_since
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree


@dataclass(frozen=True, slots=True)
class AppFolder:
    """The app folder on the host; what the last look hashed again costs no further round trip."""

    run: Run
    host: Host
    watch: Watch
    delivered: Delivered

    def check_tree(self) -> None:
        """Raises NotVerified HOST_CHANGED unless the folder held what was delivered during the whole build.

        An edit that was undone shows in the times of its files: the builder may have read it.
        """
        changed = self._changed_by_last_look()
        if changed == ():
            return
        with self.run.step("hash the host's files again", self.host.where):
            try:
                changed = self._changed()
            except CheckFailed as error:
                if error.code != HOST_TREE_MOVING.code:
                    raise
                raise HOST_CHANGED(error.cause, error.remedy) from error
        if changed:
            raise HOST_CHANGED(
                f"{len(changed)} path(s) in {self.host.files.where} changed while the app was built, "
                f"the first: {changed[0]}",
                details=changed[:TAIL],
            )

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the folders on the host, one line each."""
        watch = self.watch
        seen = seen_beside(self.host, watch.rehash, watch.rehashed)
        found = seen.problems(config_slug_of(self.run))
        here = watch.built_here
        built_here = watch.supervisor.info(watch.slug).built_here if here is None else here
        if built_here != is_pulled(self.run):
            return found
        kind = "builds it here" if built_here else "pulls an image"
        return (*found, f"the Supervisor {kind}, config.yaml says otherwise")

    def _changed_by_last_look(self) -> tuple[str, ...] | None:
        """What changed according to the last look, None if it hashed nothing; names in an odd encoding may
        look changed."""
        rehash, output = self.watch.rehash, self.watch.rehashed
        if rehash is None or output is None:
            return None
        try:
            return self._since(rehash.tree(output))
        except CheckFailed:
            return None

    def _changed(self) -> tuple[str, ...]:
        return self._since(self.host.files.look())

    def _since(self, now: FoundTree) -> tuple[str, ...]:
        before, ignore = self.delivered.tree, Ignore.of_workspace(self.run.workspace)
        return changed_since(before, now, ignore) or touched_since(before, now, ignore)


def require_alone(run: Run, host: Host, seen: Topology) -> None:
    """Raises CheckFailed TOPOLOGY_WRONG if another folder has an app with the slug.

    The Supervisor takes the folder that it lists last, so an action could replace the other app's container.
    """
    rivals = seen.rivals(config_slug_of(run))
    if rivals:
        raise TOPOLOGY_WRONG(
            f"another folder on {host.where} has an app with the same slug: {rivals[0]}",
            "Correct HA_REMOTE_RUNTIME (HA_MOUNT for a share) if that folder is the app's own; otherwise use"
            " another slug (another name with `--as`), or move that folder out of the local apps.",
            details=rivals,
        )


def require_tidy(where: str, problems: tuple[str, ...]) -> None:
    """Raises CheckFailed TOPOLOGY_WRONG for any problem."""
    if problems:
        raise TOPOLOGY_WRONG(
            f"the folders on {where} are not as they must be: {problems[0]}", details=problems
        )
