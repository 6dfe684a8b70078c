"""Checks what is about to be published against the rules of lane 1 and of a store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bb8deploy.base.findings import Finding, Level, errors_in
from bb8deploy.base.short_lists import first_lines
from bb8deploy.catalogue.errors.ship.publish import TREE_UNFIT
from bb8deploy.checks.store_repository import check_pages, check_repository
from bb8deploy.lanes.publish.committed_source import Publication
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace.find_apps import STORE_NAMES
from bb8deploy.workspace.project import find_project, repository_root
from bb8deploy.workspace.versions.publish_layout import Publishing

_SHOWN = 20
_STORE_CODES = ("REPOSITORY_MISSING", "REPOSITORY_INVALID")


def require_fit(run: Run, source: Publication) -> None:
    """Every rule over what is published itself, byte for byte as the remote will have it.

    Prints warnings and adds every finding to the run; raises CheckFailed for errors.
    """
    from bb8deploy.checks.run_rules import check_addon

    project = find_project(run.workspace, addon=run.addon)
    with run.step("publish: check the tree") as facts, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / run.addon.name
        folder.mkdir()
        g.write_tree_files(run.workspace, source.tree, folder)
        report = check_addon(folder, workspace=None, profile=project.profile)
        root = _repository_files(run, source, Path(scratch)) if source.how.in_store else folder
        found = [*report.findings, *check_repository(root, Level.ERROR), *_pages(run, source.how, folder)]
        facts.update(tree=source.tree, mode=report.mode, findings=len(found))
    _judge(run, found)


def require_store(run: Run, how: Publishing) -> None:
    """The store's rules alone over the clean workspace: milliseconds, so that a release asks them first."""
    root = (repository_root(run.addon) or run.workspace) if how.in_store else run.addon
    _judge(run, [*check_repository(root, Level.ERROR), *_pages(run, how, run.addon)])


def _repository_files(run: Run, source: Publication, scratch: Path) -> Path:
    """A folder with the repository file of the commit, which is what makes it a store."""
    folder = scratch / "repository of the commit"
    folder.mkdir()
    for name in STORE_NAMES:
        data = g.read_file(run.workspace, source.commit.sha, name)
        if data is not None:
            (folder / name).write_bytes(data)
    return folder


def _pages(run: Run, how: Publishing, folder: Path) -> Iterator[Finding]:
    """What the store shows of the app; in a store a link may lead to other files of the repository."""
    top = repository_root(run.addon) if how.in_store else None
    return check_pages(folder, within=(top, run.addon) if top else None)


def _judge(run: Run, found: Sequence[Finding]) -> None:
    """Reports each finding once per run: a release checks the same files more than once."""
    fresh = [finding for finding in found if finding not in run.findings]
    run.findings.extend(fresh)
    for line in _warnings(fresh):
        run.progress.warn(line)
    errors = errors_in([*found])
    if errors:
        first = errors[0]
        raise TREE_UNFIT(
            f"{len(errors)} rule(s) are broken in what would be published, the first: {first.code}",
            first.hint if first.code in _STORE_CODES else "",
            details=first_lines([_line(error) for error in errors], _SHOWN),
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
