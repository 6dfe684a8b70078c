"""The journal of a run: one synced JSON line per observed step, so that a killed run can resume."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.runs.report_files import append
from bb8deploy.runs.tokens import Line

SWAP, PUT_BACK, WITHDRAW = "send and swap", "put the earlier tree back", "remove the new files"
"""The steps that change the app folder on a host."""
RELEASE_STEP = "release: "
"""The prefix of a release's own steps."""
EARNED = "earned"
"""The state of an entry that records a receipt line of a release."""
STEP_OF_LANE = {
    "validate": "validate",
    "release": "bump",
    "sync": "deploy",
    "verify": "deploy",
    "deploy": "deploy",
    "attest": "attest",
    "publish": "publish",
}
"""The release step that earns the tokens of each lane."""
_TRIED = {"started", "done", "failed"}


_HOMES = ("runs", "targets/*/runs", "apps/*/runs")
"""The folders below `reports/` that have the folders of runs, as patterns."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One step in the state `started`, `done` or `failed`, with the facts that it recorded."""

    step: str
    state: str
    facts: JsonObject
    ts: str


@dataclass(frozen=True, slots=True)
class Journal:
    """Appends to and reads `runs/<run id>/journal.jsonl`."""

    path: Path

    def write(self, step: str, state: str, **facts: object) -> None:
        """Records a step; it is on the disk when this returns."""
        append(self.path, line_of(step, state, **facts))

    def append(self, line: str) -> None:
        """Appends a line that `line_of` made."""
        append(self.path, line)

    def entries(self) -> list[JournalEntry]:
        """Every readable line of the journal, in order."""
        return [entry for line in self._lines() if (entry := _entry(line))]

    def damaged(self) -> tuple[int, ...]:
        """The numbers of the lines that are not entries, from 1; a torn last line does not count."""
        return _damaged(self._lines())

    def done(self) -> dict[str, JsonObject]:
        """The steps whose last attempt finished, with their facts.

        A later attempt that did not finish invalidates an earlier one: it may have changed anything. A
        damaged line may have been the start of such an attempt, so only what follows it counts.
        """
        lines = self._lines()
        sound = lines[max(_damaged(lines), default=0) :]
        last = {entry.step: entry for line in sound if (entry := _entry(line)) and entry.state in _TRIED}
        return {step: entry.facts for step, entry in last.items() if entry.state == "done"}

    def unfinished(self, step: str) -> bool:
        """Whether a step was started and has not been done since."""
        states = [entry.state for entry in self.entries() if entry.step == step]
        return bool(states) and states[-1] != "done"

    def _lines(self) -> list[str]:
        if not self.path.exists():
            return []
        text = self.path.read_bytes().decode("utf-8", "surrogateescape")
        return text.replace("\r\n", "\n").splitlines(keepends=True)


def journals_below(reports: Path, run_id: str = "*") -> Iterator[Journal]:
    """The journal of every run below `reports/`, or only of the run `run_id`."""
    for home in _HOMES:
        yield from map(Journal, reports.glob(f"{home}/{run_id}/journal.jsonl"))


def newest_runs(reports: Path) -> list[Path]:
    """The folders of the runs in `reports/runs/`, the newest first.

    A run's id has only the second in which it began, so the time of its last change decides between runs of
    one second.
    """
    folders = (path for path in (reports / "runs").glob("*") if path.is_dir())
    return sorted(folders, key=lambda path: (_second(path), path.stat().st_mtime_ns), reverse=True)


def _second(folder: Path) -> str:
    return folder.name.partition("-")[0]


def line_of(step: str, state: str, **facts: object) -> str:
    """The journal's line for a step, at this moment."""
    row = {"ts": now(), "step": step, "state": state, **({"facts": facts} if facts else {})}
    return json.dumps(row, default=str)


def now() -> str:
    """The current time as RFC 3339 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def earned(entries: Iterable[JournalEntry]) -> list[Line]:
    """The receipt lines that each release step earned in its last attempt.

    When a step starts again, the lines of its earlier attempt no longer count.
    """
    lines: list[Line] = []
    for entry in entries:
        if entry.state == "started":
            lines = [line for line in lines if release_step(line) != entry.step]
        elif entry.state == EARNED and (line := _line(entry)):
            lines.append(line)
    return lines


def release_step(line: Line) -> str:
    """The journal's name of the release step that earned a line, empty for a lane that has none."""
    step = STEP_OF_LANE.get(line.lane, "")
    return f"{RELEASE_STEP}{step}" if step else ""


def _damaged(lines: Sequence[str]) -> tuple[int, ...]:
    bad = [number for number, line in enumerate(lines, 1) if line.strip() and _entry(line) is None]
    torn = bool(lines) and not lines[-1].endswith("\n")
    return tuple(number for number in bad if not (torn and number == len(lines)))


def _entry(line: str) -> JournalEntry | None:
    """The entry in a line; None if it is not a JSON object with a step, a state, a time and facts."""
    try:
        line.encode("utf-8")
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    facts = row.get("facts", {})
    texts = [row.get(name) for name in ("step", "state", "ts")]
    if not isinstance(facts, dict) or not all(isinstance(text, str) for text in texts):
        return None
    return JournalEntry(row["step"], row["state"], facts, row["ts"])


def _line(entry: JournalEntry) -> Line | None:
    lane, fields = str(entry.facts.get("lane", "")), entry.facts.get("fields")
    if lane not in STEP_OF_LANE or not isinstance(fields, list):
        return None
    pairs = [tuple(map(str, pair)) for pair in fields if isinstance(pair, list)]
    kept = tuple((pair[0], pair[1]) for pair in pairs if len(pair) == 2)
    return Line(str(entry.facts.get("kind", "")), entry.step, kept, lane)
