"""Reads the records of runs in reports/, newest first; skips incomplete files and removes secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bb8deploy.base.secret import MASK, Data, Secret, redact, redact_data
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.tool import REPORT_NO_RUNS, REPORT_RUN_UNKNOWN
from bb8deploy.runs.journal import Journal, JournalEntry
from bb8deploy.runs.receipt_reader import parse_line
from bb8deploy.runs.tokens import LANE_RECEIPTS, Line

RECEIPTS = LANE_RECEIPTS["release"]
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+(-.+)?")  # a target's name may follow
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")


@dataclass(slots=True)
class RunFiles:
    """The files of one run below `reports`. Whatever is read is noted in `sources`."""

    reports: Path
    run_id: str
    secrets: list[Secret] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """`reports/runs/<run id>/`; it does not exist if a run ended before its first step."""
        return self.reports / "runs" / self.run_id

    def journal(self) -> list[JournalEntry]:
        """The journal's whole lines."""
        entries = Journal(self.folder / "journal.jsonl").entries()
        if entries:
            self._note(self.folder / "journal.jsonl")
        return [JournalEntry(self.clean(e.step), e.state, self.clean(e.facts), e.ts) for e in entries]

    def contract(self, name: str) -> JsonObject:
        """A contract of this run, empty if there is none."""
        return self._document(self.folder / f"{name}.json")

    def contracts(self) -> list[JsonObject]:
        """Every contract of this run, oldest first."""
        names = (path.stem for path in self.folder.glob("*_contract_v1.json"))
        return sorted((c for name in names if (c := self.contract(name))), key=lambda c: str(c.get("ts")))

    def pointer(self) -> JsonObject:
        """`latest.json` if it is about this run."""
        pointer = self._document(self.reports / "latest.json")
        return pointer if pointer.get("run_id") == self.run_id else {}

    def lines(self) -> list[Line]:
        """The run's receipt lines, each once, from the receipts that still hold them."""
        found: dict[str, Line] = {}
        for folder in (self.reports, self.folder / "receipts"):
            for name in RECEIPTS:
                for line in _receipt(folder / name):
                    if ("run", self.run_id) in line.fields:
                        found.setdefault(str(line), line)
                        self._note(folder / name)
        return [Line(x.kind, x.name, self.clean_pairs(x.fields), x.lane) for x in found.values()]

    def echoes(self) -> list[JsonObject]:
        """The single echoes of stp5/, if this very run sent them."""
        path = self.reports / "stp5" / "echoes.jsonl"
        rows = [row for line in _text(path).splitlines() if isinstance(row := _parsed(line), dict)]
        own = [row for row in rows if str(row.get("cid", "")).rpartition("-")[0] == self.run_id]
        if own:
            self._note(path)
        return [self.clean(row) for row in own]

    def crashed(self) -> bool:
        """Whether bb8deploy itself failed in this run."""
        return (self.folder / "crash.txt").exists()

    def clean(self, data: Data) -> Data:
        """JSON-like data without any secret that is known or looks like a token."""
        return cast("Data", _unjwt(redact_data(data, self.secrets)))

    def clean_pairs(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """A receipt line's pairs, cleaned."""
        return tuple((key, _JWT.sub(MASK, redact(value, self.secrets))) for key, value in pairs)

    def _document(self, path: Path) -> JsonObject:
        value = _parsed(_text(path))
        if not isinstance(value, dict):
            return {}
        self._note(path)
        return self.clean(value)

    def _note(self, path: Path) -> None:
        near = self.folder if path.is_relative_to(self.folder) else self.reports
        name = path.relative_to(near).as_posix()
        if name not in self.sources:
            self.sources.append(name)


def find_home(reports: Path, wanted: str = "") -> Path:
    """The folder of a run's files: `reports`, or the folder of a target of a deploy to several."""
    homes = {home: _known_runs(home) for home in (reports, *sorted((reports / "targets").glob("*")))}
    if wanted:
        return next((home for home, ages in homes.items() if wanted in ages), reports)
    return max(homes, key=lambda home: max(homes[home].values(), default=0.0))


def find_run(reports: Path, wanted: str = "") -> str:
    """The run to report on: `wanted`, or the one that wrote last.

    Raises UsageError REPORT_NO_RUNS if there is none, REPORT_RUN_UNKNOWN for an unknown id.
    """
    ages = _known_runs(reports)
    if not ages:
        raise REPORT_NO_RUNS(f"there is no run to report on in {reports}")
    if wanted and wanted not in ages:
        raise REPORT_RUN_UNKNOWN(
            f"there is no run `{wanted}` in {reports}", f"The newest are {', '.join(_newest(ages)[:5])}."
        )
    return wanted or _newest(ages)[0]


def _newest(ages: dict[str, float]) -> Sequence[str]:
    return sorted(ages, key=lambda run: (ages[run], run), reverse=True)


def _known_runs(reports: Path) -> dict[str, float]:
    """Each run that left a folder or a receipt line, with the time of its last file.

    A run that failed before its first step has only a line in a receipt.
    """
    ages: dict[str, float] = {}
    for folder in (reports / "runs").glob("*"):
        if files := [p for p in folder.glob("*") if p.is_file()]:
            ages[folder.name] = max(p.stat().st_mtime for p in files)
    for name in RECEIPTS:
        path = reports / name
        for line in _receipt(path):
            run = dict(line.fields).get("run", "")
            if _RUN_ID.fullmatch(run):
                ages[run] = max(ages.get(run, 0.0), path.stat().st_mtime)
    return ages


def _receipt(path: Path) -> list[Line]:
    return [line for text in _text(path).splitlines() if (line := parse_line(text))]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unjwt(data: object) -> object:
    if isinstance(data, str):
        return _JWT.sub(MASK, data)
    if isinstance(data, dict):
        return {key: _unjwt(value) for key, value in data.items()}
    return [_unjwt(item) for item in data] if isinstance(data, list | tuple) else data
