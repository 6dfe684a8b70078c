"""Finds in the journals of earlier runs what was put in last, for apps that do not report their content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run

PUT_IN = "put in"


def record_put_in(run: Run, slug: str, expected: Expected) -> None:
    """Records that the Supervisor has installed, updated or rebuilt the app from this delivery."""
    run.journal.write(PUT_IN, "done", slug=slug, host=_host(run), **expected.facts())


def put_in_last(run: Run, slug: str) -> Expected | None:
    """What was put in last on this host, as far as this workspace knows."""
    newest, found = "", None
    for path in _journals(run.workspace / "reports"):
        for entry in Journal(path).entries():
            mine = entry.facts.get("slug") == slug and entry.facts.get("host") == _host(run)
            if entry.step == PUT_IN and mine and entry.ts >= newest:
                newest, found = entry.ts, Expected.of_facts(entry.facts)
    return found


def _journals(reports: Path) -> Iterator[Path]:
    yield from reports.glob("runs/*/journal.jsonl")
    yield from reports.glob("targets/*/runs/*/journal.jsonl")


def _host(run: Run) -> str:
    return run.settings.ssh.host_alias or str(run.settings.ha_mount or "")
