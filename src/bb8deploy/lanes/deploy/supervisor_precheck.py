"""Asks the host, before anything is sent, for what would stop the Supervisor later."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bb8deploy.host import slug_folders
from bb8deploy.host.folder_rehash import look_beside
from bb8deploy.host.host_readiness import (
    DOCUMENTS,
    Obstacle,
    first_blocking,
    place_obstacles,
    supervisor_obstacles,
)
from bb8deploy.host.open_host import Host
from bb8deploy.host.shell.host_probe import Surroundings
from bb8deploy.host.supervisor.find_route import OnlyService, Reached, reach
from bb8deploy.host.supervisor.route_interface import LookExtras
from bb8deploy.lanes.host_session import slug_of
from bb8deploy.lanes.verify.proof.folder_check import require_alone
from bb8deploy.runs.run import Run


@dataclass(slots=True)
class Readiness:
    """One question to the host and its Supervisor; `reached` is the way that answered, None if none did.

    `around` is the place of the app folder as it was seen then, None for a share. Lane 3 takes `reached` for
    its first look, so that the question costs a deploy no round trip.
    """

    run: Run
    host: Host
    reached: Reached | None = None
    around: Surroundings | None = None

    def require(self, *, need: int = 0) -> None:
        """Raises the error of the first obstacle that blocks a deploy; `need` is the new tree's size in
        bytes.

        Raises what `reach` raises too: files are not sent if no Supervisor can be reached. Raises
        CheckFailed TOPOLOGY_WRONG if another folder has an app with the slug, which could be replaced.
        """
        with self.run.step("ask whether the host can take a deploy", self.host.where):
            self.around = self.host.surroundings()
            problem = first_blocking((*place_obstacles(self.around, need), *self._supervisor()))
        if problem:
            raise problem
        self._require_alone()

    def close(self) -> None:
        """Ends the way to the Supervisor; calling it twice is fine."""
        if self.reached:
            self.reached.supervisor.close()

    def _supervisor(self) -> tuple[Obstacle, ...]:
        run, slug = self.run, slug_of(self.run)
        try:
            extras = LookExtras(self._rider(), documents=DOCUMENTS)
            self.reached = reach(run.settings, run.addon, self.host, slug, extras)
        except OnlyService:
            return ()  # Core's restart service shows nothing of the host
        return supervisor_obstacles(self.reached.first.documents, slug)

    def _rider(self) -> str:
        ssh = self.host.transport is not None and self.host.files.route == "ssh"
        return slug_folders.program(self.host.files.runtime) if ssh else ""

    def _require_alone(self) -> None:
        """Looks for the slug in other folders; what was seen before the files are sent is not passed on."""
        if self.reached is None:
            return
        output = self.reached.first.program_output
        self.reached = replace(self.reached, first=replace(self.reached.first, program_output=None))
        seen = (
            look_beside(self.host) if output is None else slug_folders.read(output, self.host.files.runtime)
        )
        require_alone(self.run, self.host, seen)
