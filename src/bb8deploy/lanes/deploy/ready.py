"""Asks the host, before anything is sent, for what would stop the Supervisor later."""

from __future__ import annotations

from contextlib import closing

from bb8deploy.host.connect import Host
from bb8deploy.host.readiness import first_blocking, host_readiness
from bb8deploy.host.supervisor.route import OnlyService, reach
from bb8deploy.lanes.session import slug_of
from bb8deploy.runs.run import Run


def require_ready(run: Run, host: Host, *, need: int = 0) -> None:
    """Raises the error of the first obstacle that blocks a deploy; `need` is the new tree's size in bytes.

    Raises what `reach` raises too: files that no Supervisor can be told of are not sent.
    """
    slug = slug_of(run)
    with run.step("ask whether the host can take a deploy"):
        try:
            reached = reach(run.settings, run.addon, host, slug)
        except OnlyService:
            return  # Core's restart service shows nothing of the host
        with closing(reached.supervisor):
            problem = first_blocking(host_readiness(host, reached.supervisor, slug, need=need))
    if problem:
        raise problem
