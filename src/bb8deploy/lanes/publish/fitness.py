"""Checks what is about to be published against the rules of lane 1 and of a store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bb8deploy.base.findings import Finding, Level, errors_in
from bb8deploy.catalogue.errors.ship.publish import TREE_UNFIT
from bb8deploy.checks.store import check_store
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace.project import Project, find_project

_SHOWN = 20


def require_fit(run: Run, tree: str) -> None:
    """Every rule over the tree itself, byte for byte as the remote will have it.

    Prints warnings and adds every finding to the run; raises CheckFailed for errors.
    """
    from bb8deploy.checks.run import check_addon

    project = _project(run)
    with run.step("publish: check the tree") as facts, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / run.addon.name
        folder.mkdir()
        g.write_tree_files(run.workspace, tree, folder)
        report = check_addon(folder, workspace=None, profile=project.profile)
        found = [*report.findings, *check_store(folder, strict=Level.ERROR)]
        facts.update(tree=tree, mode=report.mode, findings=len(found))
    _judge(run, found)


def require_store(run: Run) -> None:
    """The store's rules alone over the clean workspace: milliseconds, so that a release asks them first."""
    _judge(run, [*check_store(run.addon, strict=Level.ERROR)])


def _project(run: Run) -> Project:
    return find_project(run.workspace, addon=run.addon)


def _judge(run: Run, found: Sequence[Finding]) -> None:
    """Reports each finding once per run: a release checks the same files more than once."""
    fresh = [finding for finding in found if finding not in run.findings]
    run.findings.extend(fresh)
    for line in _warnings(fresh):
        run.progress.warn(line)
    errors = errors_in([*found])
    if errors:
        more = [f"... and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
        raise TREE_UNFIT(
            f"{len(errors)} rule(s) are broken in what would be published, the first: {errors[0].code}",
            details=[*map(_line, errors[:_SHOWN]), *more],
        )


def _warnings(findings: Sequence[Finding]) -> list[str]:
    """One line for each kind of warning; several files share it."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.level is Level.WARNING:
            kinds.setdefault(finding.code, []).append(finding)
    return [
        _line(same[0]) if len(same) == 1 else f"{code}: {', '.join(_place(one) for one in same)}"
        for code, same in kinds.items()
    ]


def _place(finding: Finding) -> str:
    return f"{finding.path}:{finding.line}" if finding.line else finding.path


def _line(finding: Finding) -> str:
    where = _place(finding)
    return f"{finding.code}: {where + ': ' if where else ''}{finding.message}"
