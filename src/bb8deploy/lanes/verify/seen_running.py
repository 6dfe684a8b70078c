"""Records which versions were seen running, and reads those records from this workspace's journals."""

from __future__ import annotations

from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.runs.journal import journals_below
from bb8deploy.runs.run import Run

RAN = "saw it run"


def record_ran(run: Run, slug: str, expected: Expected) -> None:
    """Records that the app was seen running from this delivery, by its own report."""
    run.journal.write(RAN, "done", slug=slug, host=_host(run), version=expected.version, tree=expected.tree)


def known_to_have_run(run: Run, slug: str) -> frozenset[tuple[str, str]]:
    """The version and tree of everything that earlier runs of this workspace saw running on this host."""
    return frozenset(
        (str(entry.facts.get("version")), str(entry.facts.get("tree")))
        for journal in journals_below(run.workspace / "reports")
        for entry in journal.entries()
        if entry.step == RAN and entry.facts.get("slug") == slug and entry.facts.get("host") == _host(run)
    )


def _host(run: Run) -> str:
    return run.settings.ssh.host_alias or str(run.settings.ha_mount or "")
