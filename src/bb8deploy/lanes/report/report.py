"""Collects the records of a run and writes `reports/report.html`, its report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.secret import Secret
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.tool import REPORT_UNREADABLE
from bb8deploy.lanes.report.read_records import RunFiles, find_run
from bb8deploy.lanes.report.report_records import (
    Changes,
    Echo,
    Echoes,
    Pairs,
    RecordedStep,
    Report,
    ReportedIdentity,
    TokenLine,
    Verdict,
)
from bb8deploy.lanes.report.timeline import WRAPPERS, failed, timeline
from bb8deploy.runs.journal import EARNED, Journal, JournalEntry, earned
from bb8deploy.runs.report_files import save
from bb8deploy.runs.tokens import CATALOGUE, Line, Token

NAME = "report.html"
# The contract of each command, a release first, because it also has the contracts of its lanes.
_COMMAND_OF = {
    "release_contract_v1": "release",
    "publish_contract_v1": "publish",
    "verify_contract_v1": "verify",
    "sync_contract_v1": "sync",
    "qa_report_contract_v1": "attest",
    "validate_contract_v1": "validate",
    "diagnose_contract_v1": "diagnose",
}


# The levels of a diagnosis that become findings.
_CHECKS = {"fail": Level.ERROR, "warn": Level.WARNING}
# The summary's figures and criteria, in words.
_FIGURES = {
    "window_start_utc": "window start",
    "window_duration_sec": "seconds",
    "sent": "sent",
    "echo_count": "answered",
    "lost": "lost",
    "duplicates": "answered twice",
    "echo_rtt_ms_mean": "mean, ms",
    "p50": "median, ms",
    "p95": "p95, ms",
    "p99": "p99, ms",
    "max": "maximum, ms",
    "ble_ok_count": "pings that the robot answered",
}
_CRITERIA = {
    "window_ge_10s": "the window lasted at least 10 s",
    "min_echoes_ge_3": "at least 3 echoes were answered",
    "rtt_p95_le_250ms": "p95 at most 250 ms",
    "ble_requirement_met": "the robot answered a ping",
}


def write_report(reports: Path, run_id: str = "", *, secrets: Sequence[Secret] = ()) -> Path:
    """Writes the page of a run (the newest without `run_id`) to `reports/report.html`, mode 0600.

    `secrets` are masked in all of it. Raises UsageError as `find_run` does, and if the file cannot be
    written.
    """
    from bb8deploy.lanes.report.render_html import render

    report = collect(reports, run_id, secrets=secrets)
    path = reports / NAME
    save(path, render(report))
    return path


def collect(reports: Path, run_id: str = "", *, secrets: Sequence[Secret] = ()) -> Report:
    """Everything that is known about a run. Raises UsageError as `find_run` does, or REPORT_UNREADABLE."""
    files = RunFiles(reports, find_run(reports, run_id), list(secrets))
    try:
        return _collect(files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise REPORT_UNREADABLE(
            f"the files of run {files.run_id} are damaged: {type(error).__name__}: {error}",
            details=files.sources,
        ) from error


def _collect(files: RunFiles) -> Report:
    entries, contracts, pointer = files.journal(), files.contracts(), files.pointer()
    by_name = {str(c.get("contract")): c for c in contracts}
    release = by_name.get("release_contract_v1", {})
    tokens = _tokens(files, entries, contracts)
    return Report(
        run_id=files.run_id,
        command=str(pointer.get("command") or _command(by_name, entries)),
        verdict=_verdict(files, entries, contracts, tokens),
        target=str(release.get("target") or pointer.get("target") or _target(entries)),
        version=next((str(c["version"]) for c in reversed(contracts) if c.get("version")), ""),
        from_version=str(release.get("from_version", "")),
        commit=next((str(c["head_commit"]) for c in reversed(contracts) if c.get("head_commit")), ""),
        dirty=any(bool(c.get("dirty")) for c in contracts),
        started=entries[0].ts if entries else _started(files.run_id),
        error=_error(contracts, tokens),
        timeline=timeline(entries, _recorded_steps(release)),
        tokens=tokens,
        findings=(*_damaged(files), *_findings(contracts)),
        tests=_tests(by_name.get("validate_contract_v1", {})),
        changes=_changes(by_name.get("sync_contract_v1", {})),
        identity=_identity(by_name.get("verify_contract_v1", {})),
        published=_published(by_name.get("publish_contract_v1", {})),
        echoes=_echoes(files, by_name.get("qa_report_contract_v1", {})),
        no_echo=_no_echo(tokens),
        sources=tuple(files.sources),
    )


# ------------------------------------------------------------------ tokens and verdict


def _tokens(
    files: RunFiles, entries: Sequence[JournalEntry], contracts: Sequence[JsonObject]
) -> tuple[TokenLine, ...]:
    """From the receipts; where a newer run has replaced them, from the journal, at last the names alone."""
    if lines := files.lines() or _journalled(entries):
        return tuple(_token(line) for line in _in_time(_unrepeated(lines), entries))
    names = contracts[-1].get("tokens", ()) if contracts else ()
    known = [Token(name) for name in names if name in Token.__members__]
    return tuple(
        TokenLine("TOKEN", t, CATALOGUE[t].lane, CATALOGUE[t].observed, evidence_kept=False) for t in known
    )


def _journalled(entries: Sequence[JournalEntry]) -> list[Line]:
    """The lines that a release's journal recorded."""
    return [line for line in earned(entries) if line.name in Token.__members__]


def _unrepeated(lines: Iterable[Line]) -> list[Line]:
    """A failure that a lane and then its release recorded is one failure."""
    return list({(line.kind, line.name, line.fields): line for line in lines}.values())


def _in_time(lines: Sequence[Line], entries: Sequence[JournalEntry]) -> list[Line]:
    """The lines in their order by the journal; receipts are sorted by lane."""
    came = {entry.step: number for number, entry in enumerate(entries) if entry.state == EARNED}
    return sorted(lines, key=lambda line: came.get(line.name, len(entries)))


def _token(line: Line) -> TokenLine:
    pairs = tuple((key, value) for key, value in line.fields if key != "run")
    if line.kind == "DRIFT":
        told = dict(pairs).get("detail", "")
        return TokenLine(line.kind, line.name, "failed", told, tuple(p for p in pairs if p[0] != "detail"))
    return TokenLine(line.kind, line.name, line.lane, CATALOGUE[Token(line.name)].observed, pairs)


def _verdict(
    files: RunFiles,
    entries: Sequence[JournalEntry],
    contracts: Sequence[JsonObject],
    tokens: Sequence[TokenLine],
) -> Verdict:
    """FAIL if any record has that verdict, PASS if every started step is done."""
    bad = any(c.get("verdict") == "FAIL" for c in contracts) or any(t.kind == "DRIFT" for t in tokens)
    if bad or failed(entries) or files.crashed():
        return "FAIL"
    ended = {entry.step for entry in entries if entry.state == "done"}
    begun = {entry.step for entry in entries if entry.state == "started"}
    return "PASS" if contracts and begun <= ended else "UNFINISHED"


def _error(contracts: Sequence[JsonObject], tokens: Sequence[TokenLine]) -> str:
    """Why the run failed, in one sentence, from the newest contract with an error, else from a DRIFT line."""
    told = [str(c["error"]) for c in reversed(contracts) if c.get("error")]
    drift = [f"{t.name}: {t.meaning}" for t in tokens if t.kind == "DRIFT"]
    return next(iter([*told, *drift]), "")


# ------------------------------------------------------------------ the rest, part by part


def _command(by_name: JsonObject, entries: Sequence[JournalEntry]) -> str:
    if any(entry.step in WRAPPERS for entry in entries):
        return next(entry.step for entry in entries if entry.step in WRAPPERS)
    return next((command for name, command in _COMMAND_OF.items() if name in by_name), "run")


def _target(entries: Sequence[JournalEntry]) -> str:
    return next((str(e.facts["target"]) for e in entries if e.facts.get("target")), "")


def _started(run_id: str) -> str:
    """The start of a run without a journal, from its id."""
    try:
        return f"{datetime.strptime(run_id[:16], '%Y%m%dT%H%M%S%z'):%Y-%m-%dT%H:%M:%S}"
    except ValueError:
        return ""


def _findings(contracts: Sequence[JsonObject]) -> tuple[Finding, ...]:
    """Each finding of the contracts once, errors first, with the warnings and failures of a diagnosis."""
    found: dict[Finding, None] = {}
    for contract in contracts:
        found |= dict.fromkeys(_finding(row) for row in contract.get("findings", ()))
        found |= dict.fromkeys(
            _looked_at(row) for row in contract.get("checks", ()) if row["level"] in _CHECKS
        )
    order = list(Level)
    return tuple(sorted(found, key=lambda finding: order.index(finding.level)))


def _damaged(files: RunFiles) -> tuple[Finding, ...]:
    """One warning if lines of the journal cannot be read."""
    lines = Journal(files.folder / "journal.jsonl").damaged()
    if not lines:
        return ()
    count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    message = f"{count} of the journal cannot be read, for example after a power failure, and left out"
    return (Finding("JOURNAL_DAMAGED", Level.WARNING, message, path="journal.jsonl", line=lines[0]),)


def _finding(row: JsonObject) -> Finding:
    return Finding(
        code=str(row.get("code", "")),
        level=Level(row.get("level", "note")),
        message=str(row.get("message", "")),
        path=str(row.get("path", "")),
        line=row.get("line"),
        hint=str(row.get("hint", "")),
    )


def _looked_at(row: JsonObject) -> Finding:
    return Finding(
        code=str(row.get("code", "")),
        level=_CHECKS[row["level"]],
        message=f"{row['subject']}, {row['name']}: {row['seen']}",
        hint=str(row.get("remedy", "")),
    )


def _recorded_steps(contract: JsonObject) -> list[RecordedStep]:
    rows = contract.get("steps", ())
    return [RecordedStep(str(r.get("name", "")), str(r.get("state")), str(r.get("reason", ""))) for r in rows]


def _tests(contract: JsonObject) -> Pairs:
    tests = contract.get("tests") or {}
    counts = tuple(
        (name, str(tests[name])) for name in ("total", "failures", "errors", "skipped") if name in tests
    )
    covered = tests.get("coverage")
    return (*counts, ("coverage", f"{covered:.1f} %")) if covered is not None else counts


def _changes(contract: JsonObject) -> Changes | None:
    """What a sync did; None for a failed one, which has no digest."""
    if not contract.get("digest_after"):
        return None
    plan = contract.get("plan") or {}
    groups = ("added", "changed", "removed", "modes", "kept")
    connection = contract.get("connection") or {}
    return Changes(
        where=str(contract.get("where", "")),
        route=str(contract.get("route", "")),
        groups=tuple((name, tuple(map(str, plan.get(name, ())))) for name in groups),
        files=int(contract.get("files", 0)),
        size=int(contract.get("bytes", 0)),
        before=str(contract.get("digest_before", "")),
        after=str(contract["digest_after"]),
        round_trips=connection.get("round_trips"),
    )


def _identity(contract: JsonObject) -> ReportedIdentity | None:
    if not contract:
        return None
    want, got = contract.get("expected") or {}, contract.get("observed") or {}
    names = [n for n in ("version", "tree", "run", "commit", "python") if want.get(n) or got.get(n)]
    return ReportedIdentity(
        slug=str(contract.get("slug", "")),
        action=str(contract.get("action", "")),
        route=str(contract.get("route", "")),
        states=tuple(map(str, contract.get("states", ()))),
        rows=tuple((n, str(want.get(n) or ""), str(got.get(n) or "")) for n in names),
        observed=bool(got),
        proof=str(contract.get("proof", "")),
        log_tail=tuple(map(str, contract.get("log_tail") or contract.get("build_log") or ()))[-40:],
    )


def _published(contract: JsonObject) -> Pairs:
    names = ("remote", "branch", "commit", "tree", "read_back_tree", "tag", "tag_commit", "method")
    pairs = tuple((n.replace("_", " "), str(contract[n])) for n in names if contract.get(n))
    images = tuple(
        (f"image {row.get('arch', '')}", f"{row.get('name', '')} {row.get('digest', '')}")
        for row in contract.get("images", ())
    )
    return (*pairs, *images)


def _echoes(files: RunFiles, contract: JsonObject) -> Echoes | None:
    rows = [
        (datetime.fromisoformat(str(r["sent"])), r.get("rtt_ms")) for r in files.echoes() if r.get("sent")
    ]
    if not contract and not rows:
        return None
    first = rows[0][0] if rows else None
    telemetry = contract.get("telemetry") or {}
    criteria = telemetry.get("criteria") or {}
    figures = {name: _figure(value) for name, value in telemetry.items() if value is not None}
    return Echoes(
        tuple(Echo((at - first).total_seconds(), _milliseconds(rtt)) for at, rtt in rows if first),
        figures=tuple((words, figures[name]) for name, words in _FIGURES.items() if name in figures),
        criteria=tuple((_CRITERIA.get(k, k), v) for k, v in criteria.items() if isinstance(v, bool)),
        verdict=str(contract.get("verdict", "")),
    )


def _figure(value: object) -> str:
    """A number with at most two decimals, any other value as it is."""
    return f"{round(value, 2):g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _milliseconds(value: object) -> float | None:
    """A measured round trip; None for NaN and infinity, which JSON allows."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
    return number if isfinite(number) and number >= 0 else None


def _no_echo(tokens: Sequence[TokenLine]) -> str:
    """Why the echo was not attested, from its SKIPPED line."""
    for line in tokens:
        if line.kind == "SKIPPED" and line.name == Token.TELEMETRY_ATTEST_OK:
            return (
                f"The echo was not attested: {dict(line.evidence).get('reason', 'no reason was recorded')}."
            )
    return ""
