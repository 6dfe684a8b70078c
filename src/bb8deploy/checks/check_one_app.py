"""Checks one app and applies what its project selects and ignores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.rule_selection import Comments, Selected, Selection, apply
from bb8deploy.checks.run_rules import CheckReport, check_addon
from bb8deploy.checks.schema.minimum_supervisor import needs, oldest_supervisor, order


@dataclass(frozen=True, slots=True)
class Judged:
    """An app's report, the findings that count, and the oldest Supervisor that takes the config."""

    report: CheckReport
    kept: Selected
    oldest: str

    @property
    def hidden_errors(self) -> tuple[str, ...]:
        """Codes of errors that were ignored: no token may state that those rules passed."""
        return tuple(sorted({one.code for one, _why in self.kept.ignored if one.level is Level.ERROR}))


def judge(
    addon: Path,
    *,
    workspace: Path | None,
    profile: str = "generic",
    mode: Mode | None = None,
    selection: Selection | None = None,
    folder: str = "",
) -> Judged:
    """Checks the app in `addon`; `folder` is its place in the repository, for per-folder-ignores."""
    chosen = selection or Selection()
    report = check_addon(addon, workspace=workspace, profile=profile, mode=mode)
    comments = Comments.read(addon, report.facts.contents)
    findings = [*report.findings, *_too_new(report, chosen.target)]
    most = oldest_supervisor(report.facts.raw)
    return Judged(report, apply(findings, chosen, comments, folder), most.since if most else "")


def _too_new(report: CheckReport, target: str) -> list[Finding]:
    """What the config uses that the target Supervisor does not know yet."""
    if not target:
        return []
    return [
        report.facts.at(
            "SUPERVISOR_TOO_NEW",
            f"`{'.'.join(map(str, one.where))}` needs Supervisor {one.since}, the target is {target}",
            *one.where,
        )
        for one in needs(report.facts.raw)
        if order(one.since)[: len(order(target))] > order(target)
    ]
