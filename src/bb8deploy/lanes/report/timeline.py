"""Turns a run's journal into the steps of a timeline; pure, so that every odd journal is a test case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.lanes.report.report_records import Pairs, RecordedStep, StepState, Timeline, TimelineStep
from bb8deploy.plan.release.release_plan import PREFIX
from bb8deploy.runs.journal import JournalEntry

# They span everything inside them and would only repeat the whole length.
WRAPPERS = {"release", "deploy"}
_UNTOLD = {"error", "commit", "times"}  # shown elsewhere on the page, or for programs alone
_RESUME_AT = f"{PREFIX}preflight"
_BARE: dict[str, StepState] = {"kept": "kept", "skipped": "skipped", "not reached": "not reached"}


def timeline(entries: Sequence[JournalEntry], planned: Sequence[RecordedStep] = ()) -> Timeline:
    """The steps of a journal. `planned` are the release contract's steps, which include those that did
    not run. A run that was resumed is laid out without the pauses.
    """
    steps: list[TimelineStep] = []
    resumed: list[float] = []
    offset = 0.0
    parts = sessions(entries)
    for number, part in enumerate(parts):
        if number:
            resumed.append(round(offset, 3))
        steps += _steps(part, offset)
        offset += _seconds(part[0], part[-1])
    return Timeline(tuple(_with_bare(_shown(steps, planned), planned)), round(offset, 3), tuple(resumed))


def sessions(entries: Sequence[JournalEntry]) -> list[list[JournalEntry]]:
    """The entries by the process that wrote them: a resumed release begins with a preflight of its own."""
    parts: list[list[JournalEntry]] = []
    for entry in entries:
        again = entry.step == _RESUME_AT and entry.state == "started" and _has_preflight(parts)
        if not parts or again:
            parts.append([])
        parts[-1].append(entry)
    return parts


def _has_preflight(parts: list[list[JournalEntry]]) -> bool:
    return any(entry.step == _RESUME_AT for part in parts for entry in part)


def failed(entries: Sequence[JournalEntry]) -> bool:
    """Whether a step of the newest process failed; what an earlier one met was overcome by the resume."""
    parts = sessions(entries)
    return bool(parts) and any(entry.state == "failed" for entry in parts[-1])


def _steps(part: Sequence[JournalEntry], offset: float) -> list[TimelineStep]:
    found: list[TimelineStep] = []
    running: dict[str, int] = {}
    for entry in part:
        if entry.state == "started":
            depth = sum(name not in WRAPPERS for name in running)
            running[entry.step] = len(found)
            found.append(
                TimelineStep(entry.step, "stopped", offset + _seconds(part[0], entry), None, depth, facts=())
            )
        elif entry.state in {"done", "failed"} and entry.step in running:
            place = running.pop(entry.step)
            found[place] = _ended(found[place], entry, offset + _seconds(part[0], entry))
    end = offset + _seconds(part[0], part[-1])
    for place in running.values():
        found[place] = replace(found[place], seconds=round(end - (found[place].begin or 0.0), 3))
    return found


def _ended(step: TimelineStep, entry: JournalEntry, at: float) -> TimelineStep:
    return replace(
        step,
        state="done" if entry.state == "done" else "failed",
        seconds=round(max(at - (step.begin or 0.0), 0.0), 3),
        note=str(entry.facts.get("error", "")),
        facts=_pairs(entry.facts),
    )


def _pairs(facts: JsonObject) -> Pairs:
    """The facts that fit on a line; lists do not."""
    plain = {k: v for k, v in facts.items() if k not in _UNTOLD and isinstance(v, str | int | float)}
    return tuple((key.replace("_", " "), _short(value)) for key, value in plain.items() if value != "")


def _short(value: str | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(steps: Sequence[TimelineStep], planned: Sequence[RecordedStep]) -> list[TimelineStep]:
    """Without the wrappers, under plain names; the contract knows of release steps whether they failed."""
    failing = {row.name for row in planned if row.state == "failed"}
    newest = {step.name: number for number, step in enumerate(steps)}  # the contract speaks of the last try
    shown: list[TimelineStep] = []
    outer = ""
    for number, step in enumerate(steps):
        name = step.name.removeprefix(PREFIX)
        if step.depth:
            name = name.removeprefix(f"{outer}: ")
        if step.name in WRAPPERS or (step.depth and name == outer):
            continue  # it would only repeat the step around it
        outer = outer if step.depth else name
        broke = step.state == "stopped" and name in failing and newest[step.name] == number
        shown.append(replace(step, name=name, state="failed" if broke and not step.depth else step.state))
    return shown


def _with_bare(steps: list[TimelineStep], planned: Sequence[RecordedStep]) -> list[TimelineStep]:
    """Puts planned steps that did not run at their place in the order, each with its reason."""
    result, at = list(steps), 0
    for row in planned:
        ran = [i for i, step in enumerate(result) if step.name == row.name and step.depth == 0]
        if ran:
            at = _end_of_group(result, ran[-1])
        elif state := _BARE.get(row.state):
            result.insert(at, TimelineStep(row.name, state, note=row.reason))
            at += 1
    return result


def _end_of_group(steps: Sequence[TimelineStep], first: int) -> int:
    return next((i for i in range(first + 1, len(steps)) if steps[i].depth == 0), len(steps))


def _seconds(begin: JournalEntry, end: JournalEntry) -> float:
    return max((_time(end) - _time(begin)).total_seconds(), 0.0)


def _time(entry: JournalEntry) -> datetime:
    return datetime.fromisoformat(entry.ts)
