"""Asks the host, before anything is sent, for what would stop the Supervisor later."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.host.connect import Host
from bb8deploy.host.readiness import (
    DOCUMENTS,
    Obstacle,
    first_blocking,
    place_obstacles,
    supervisor_obstacles,
)
from bb8deploy.host.supervisor.route import OnlyService, Reached, reach
from bb8deploy.lanes.session import slug_of
from bb8deploy.runs.run import Run


@dataclass(slots=True)
class Readiness:
    """One question to the host and its Supervisor; `reached` is the way that answered, None if none did.

    Lane 3 takes `reached` for its first look, so that the question costs a deploy no round trip.
    """

    run: Run
    host: Host
    reached: Reached | None = None

    def require(self, *, need: int = 0) -> None:
        """Raises the error of the first obstacle that blocks a deploy; `need` is the new tree's size in
        bytes.

        Raises what `reach` raises too: files that no Supervisor can be told of are not sent.
        """
        with self.run.step("ask whether the host can take a deploy", self.host.where):
            problem = first_blocking((*place_obstacles(self.host.surroundings(), need), *self._supervisor()))
        if problem:
            raise problem

    def close(self) -> None:
        """Ends the way to the Supervisor; calling it twice is fine."""
        if self.reached:
            self.reached.supervisor.close()

    def _supervisor(self) -> tuple[Obstacle, ...]:
        run, slug = self.run, slug_of(self.run)
        try:
            self.reached = reach(run.settings, run.addon, self.host, slug, documents=DOCUMENTS)
        except OnlyService:
            return ()  # Core's restart service shows nothing of the host
        return supervisor_obstacles(self.reached.first.documents, slug)
