"""The journal of a run: one synced JSON line per observed step, so that a killed run can continue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bb8deploy.runs.store import append

SWAP, PUT_BACK = "send and swap", "put the earlier tree back"
"""The steps by which the files on a host become others."""
_TRIED = {"started", "done", "failed"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that was observed to be `started`, `done` or `failed`, with the facts that it left."""

    step: str
    state: str
    facts: dict[str, Any]
    ts: str


@dataclass(frozen=True, slots=True)
class Journal:
    """Appends to and reads `runs/<run id>/journal.jsonl`."""

    path: Path

    def write(self, step: str, state: str, **facts: Any) -> None:
        """Records a step; it is on the disk when this returns."""
        row = {"ts": now(), "step": step, "state": state, **({"facts": facts} if facts else {})}
        append(self.path, json.dumps(row, default=str))

    def entries(self) -> list[Entry]:
        """Every whole line of the journal; a torn last line of a killed run is left out."""
        if not self.path.exists():
            return []
        return [e for line in self.path.read_text(encoding="utf-8").splitlines() if (e := _entry(line))]

    def done(self) -> dict[str, dict[str, Any]]:
        """The steps whose last try was finished, with their facts.

        A later try that did not end takes the earlier one's word back: it may have changed anything.
        """
        last = {entry.step: entry for entry in self.entries() if entry.state in _TRIED}
        return {step: entry.facts for step, entry in last.items() if entry.state == "done"}


def now() -> str:
    """The time as RFC 3339 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _entry(line: str) -> Entry | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return Entry(row["step"], row["state"], row.get("facts", {}), row["ts"])
