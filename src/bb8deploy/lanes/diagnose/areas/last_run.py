"""The newest run of this target: why it failed, and the command that continues it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.lanes.diagnose.check_result import Check, Sheet
from bb8deploy.lanes.report.read_records import RunFiles
from bb8deploy.lanes.report.timeline import WRAPPERS
from bb8deploy.runs.journal import JournalEntry, newest_runs
from bb8deploy.runs.run import Run, resume_command

SUBJECT = "last run"
OWN = "diagnose_contract_v1"
_EXPLAIN = "`bb8deploy explain {code}` shows what to do."


def check(run: Run) -> list[Check]:
    """One warning if the newest run of this target failed; nothing if it passed, or if there is none."""
    sheet = Sheet(SUBJECT)
    for files in _newest_first(run):
        contracts = [one for one in files.contracts() if one.get("contract") != OWN]
        entries = files.journal()
        if not contracts and not any(entry.step in WRAPPERS for entry in entries):
            continue  # a diagnosis, or a command that records no run
        if _of_another_target(run, entries):
            continue
        _judge(sheet, run, files, contracts, entries)
        break
    return sheet.checks


def _judge(
    sheet: Sheet,
    run: Run,
    files: RunFiles,
    contracts: Sequence[JsonObject],
    entries: Sequence[JournalEntry],
) -> None:
    command = next((entry.step for entry in entries if entry.step in WRAPPERS), "")
    if command and any(entry.step == command and entry.state == "done" for entry in entries):
        return
    found = _error(files, contracts)
    if found is None:
        return
    code, cause, hint = found
    target = run.settings.target
    again = resume_command(command, () if target == "default" else (target,)) if command else ""
    remedy = f"{hint or _EXPLAIN.format(code=code)}{f' Then `{again}` continues it.' if again else ''}"
    sheet.warn("error", f"{files.run_id}: {cause}", remedy, code)


def _error(files: RunFiles, contracts: Sequence[JsonObject]) -> tuple[str, str, str] | None:
    """Code, cause and remedy: of the newest contract that failed, else of the run's last DRIFT line."""
    for contract in reversed(contracts):
        rows = contract.get("findings", ()) if contract.get("verdict") == "FAIL" else ()
        if errors := [row for row in rows if row.get("level") == "error"]:
            return str(errors[-1]["code"]), str(errors[-1]["message"]), str(errors[-1].get("hint", ""))
    drifts = [line for line in files.lines() if line.kind == "DRIFT"]
    return (drifts[-1].name, dict(drifts[-1].fields).get("detail", ""), "") if drifts else None


def _newest_first(run: Run) -> Iterator[RunFiles]:
    """Every other run."""
    secrets = run.secrets()
    others = (path for path in newest_runs(run.reports) if path.name != run.id)
    return (RunFiles(run.reports, path.name, secrets=[*secrets]) for path in others)


def _of_another_target(run: Run, entries: Sequence[JournalEntry]) -> bool:
    targets = {str(entry.facts["target"]) for entry in entries if entry.facts.get("target")}
    return bool(targets) and run.settings.destination not in targets
