"""`bb8deploy validate` over several apps: one list, one summary, one exit code, no tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bb8deploy.cli.lanes.validate_options import Outputs, ValidateChoice
from bb8deploy.cli.open_run import Modes, plain_errors

if TYPE_CHECKING:
    from bb8deploy.base.findings import Finding
    from bb8deploy.checks.check_all_apps import StoreResult
    from bb8deploy.console.console import Console


def validate_store(words: Sequence[str], asked: ValidateChoice, outputs: Outputs, modes: Modes) -> None:
    """Checks every app that the words mean; exits 1 if a finding fails the run."""
    from bb8deploy.checks.check_all_apps import base_of, check_apps, find_apps
    from bb8deploy.checks.rule_selection import fails

    with plain_errors(modes) as console:
        outputs.check()
        folders = find_apps(words)
        base = base_of(folders)
        selection = asked.selection(base, own=_whole(words, base))
        fixed = _fix(console, folders, dry_run=modes.dry_run) if asked.fix else []
        result = check_apps(folders, selection, base=base, mode=asked.mode, baseline=asked.accepted())
        failing = fails(result.findings, selection.fail_on)
        _show(console, result, outputs)
        console.text(_verdict(result, failing))
        if console.as_json:
            console.document(_document(result, failing, fixed))
        if failing:
            raise typer.Exit(1)


def _whole(words: Sequence[str], base: Path) -> bool:
    """Whether the whole repository was asked for, so that an unused setting is unused."""
    return any(Path(word).absolute() == base for word in words)


def _fix(console: Console, folders: Sequence[Path], *, dry_run: bool) -> list[dict[str, str]]:
    from bb8deploy.checks.fix.safe_fixes import apply_fixes, plan_fixes

    done: list[dict[str, str]] = []
    for folder in folders:
        fixes = list(plan_fixes(folder))
        for one in fixes:
            console.note(f"{'would fix' if dry_run else 'fixed'} {folder.name}/{one.path}: {one.description}")
            if dry_run:
                console.text(one.diff().rstrip("\n"))
            done.append({"path": f"{folder.name}/{one.path}", "what": one.description})
        if not dry_run:
            apply_fixes(folder, fixes)
    return done


def _show(console: Console, result: StoreResult, outputs: Outputs) -> None:
    from bb8deploy.checks.output.markdown_summary import FindingRow
    from bb8deploy.checks.output.text_and_github import people

    findings = result.findings
    for line, style in people(findings, result.base):
        console.text(line, style)
    rows = [FindingRow(app.folder, app.version, app.rating, app.oldest, app.placed) for app in result.apps]
    outputs.write(console, findings, rows)


def _verdict(result: StoreResult, failing: Sequence[Finding]) -> str:
    from bb8deploy.checks.output.text_and_github import summary

    apps = len(result.apps)
    failed = f"; {len(failing)} of them fail the run" if failing else ""
    gone = f"; {result.fixed} entries of the baseline are fixed" if result.fixed else ""
    return f"{apps} app{'s' if apps != 1 else ''}: {summary(result.findings)}{failed}{gone}"


def _document(
    result: StoreResult, failing: Sequence[Finding], fixed: Sequence[dict[str, str]]
) -> dict[str, object]:
    return {
        "command": "validate",
        "verdict": "FAIL" if failing else "PASS",
        "exit_code": 1 if failing else 0,
        "fixes": list(fixed),
        "apps": [
            {
                "folder": app.folder,
                "slug": app.slug,
                "version": app.version,
                "rating": app.rating,
                "oldest_supervisor": app.oldest,
                "errors": sum(one.level.value == "error" for one in app.findings),
                "warnings": sum(one.level.value == "warning" for one in app.findings),
            }
            for app in result.apps
        ],
        "findings": [
            {
                "code": one.code,
                "level": one.level.value,
                "path": one.path,
                "line": one.line,
                "column": one.column,
                "message": one.message,
                "hint": one.hint,
            }
            for one in result.findings
        ],
    }
