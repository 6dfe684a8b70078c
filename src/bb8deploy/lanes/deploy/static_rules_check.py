"""Stops a deploy of an app that the static rules of lane 1 reject, before anything is sent."""

from __future__ import annotations

from bb8deploy.base.findings import Finding
from bb8deploy.catalogue.errors.workspace import VALIDATE_FAILED
from bb8deploy.checks.check_one_app import judge
from bb8deploy.checks.rule_selection import fails
from bb8deploy.checks.rule_selection_file import load_selection
from bb8deploy.runs.run import Run
from bb8deploy.workspace.project import find_project

SHOWN = 20


def require_valid(run: Run) -> None:
    """Raises CheckFailed VALIDATE_FAILED if a static rule finds an error in the app.

    A config file that the Supervisor cannot read would take the app, or its whole store, away.
    """
    with run.step("check the app"):
        errors = _errors(run)
    if errors:
        raise VALIDATE_FAILED(
            f"{len(errors)} error(s) in the app, the first: {errors[0].code}; nothing was sent",
            "Fix them (`bb8deploy validate` shows each), or deploy with `--no-validate`.",
            details=[line_of(one) for one in errors[:SHOWN]],
        )


def _errors(run: Run) -> list[Finding]:
    project = find_project(run.workspace, addon=run.addon)
    selection = load_selection(run.workspace)
    judged = judge(run.addon, workspace=run.workspace, profile=project.profile, selection=selection)
    return fails(judged.kept.findings, "never" if selection.fail_on == "never" else "error")


def line_of(finding: Finding) -> str:
    """The finding as a line: its place, if it has one, its code and its message."""
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return ": ".join(filter(None, (place, finding.code, finding.message)))
