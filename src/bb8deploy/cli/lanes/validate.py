"""`bb8deploy validate`: lane 1, over one app with its tokens or over the apps of a store."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.shared_options import Addon, AsJson, DryRun, Quiet

if TYPE_CHECKING:
    from bb8deploy.checks.fix.safe_fixes import Fix
    from bb8deploy.cli.lanes.validate_options import Outputs, ValidateChoice
    from bb8deploy.lanes.validate.validate import ValidateOutcome


class ModeChoice(StrEnum):
    """The mode that the app must be in."""

    AUTO = "auto"
    LOCAL_DEV = "local_dev"
    PUBLISH = "publish"


class FailOn(StrEnum):
    """The lowest level that fails the run."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NEVER = "never"


Folders = Annotated[
    list[str] | None,
    typer.Argument(help="Folders of apps, patterns, or the root of a store (default: the workspace's app)."),
]
ModeWanted = Annotated[
    ModeChoice,
    typer.Option("--mode", help="local_dev: built on the host; publish: pulled; auto: as in config.yaml."),
]
Codes = list[str] | None
Selected = Annotated[
    Codes, typer.Option("--select", help="Only these rules or areas; repeatable.", metavar="CODE")
]
Ignored = Annotated[
    Codes, typer.Option("--ignore", help="Ignore these rules or areas; repeatable.", metavar="CODE")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(validate)


def validate(
    folders: Folders = None,
    addon: Addon = None,
    mode: ModeWanted = ModeChoice.AUTO,
    no_tests: Annotated[bool, typer.Option("--no-tests", help="Do not run the app's tests.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply safe fixes first; with --dry-run show them as a diff.")
    ] = False,
    select: Selected = None,
    ignore: Ignored = None,
    fail_on: Annotated[
        FailOn | None, typer.Option("--fail-on", help="The lowest level that fails (default: error).")
    ] = None,
    target_supervisor: Annotated[
        str, typer.Option("--target-supervisor", help="Oldest Supervisor to support.", metavar="RELEASE")
    ] = "",
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Accept the findings that this file lists.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write the findings as a baseline.")
    ] = None,
    dry_run: DryRun = False,
    json_output: AsJson = False,
    github: Annotated[bool, typer.Option("--github", help="Findings as GitHub annotations.")] = False,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the findings as SARIF 2.1.0.")] = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="Append a summary in Markdown to a file.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Check apps as the Supervisor, the builder and the user would, and run the workspace app's tests."""
    from bb8deploy.checks.install_mode import Mode
    from bb8deploy.cli.lanes.validate_options import Outputs, ValidateChoice

    asked = ValidateChoice(
        mode=None if mode is ModeChoice.AUTO else Mode(mode.upper()),
        with_tests=not no_tests and not dry_run,
        fix=fix,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        fail_on=fail_on.value if fail_on else None,
        target=target_supervisor,
        baseline=baseline,
    )
    outputs = Outputs(github=github, sarif=sarif, summary=summary, baseline=write_baseline)
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run)
    single = _single(folders or [])
    if folders and single is None:
        from bb8deploy.cli.lanes.validate_store import validate_store

        validate_store(folders, asked, outputs, modes)
        return
    _one(single or addon, asked, outputs, modes)


def _single(folders: list[str]) -> Path | None:
    """The app if exactly one app's own folder was given."""
    if len(folders) != 1:
        return None
    from bb8deploy.checks.check_all_apps import has_config_file

    return Path(folders[0]) if has_config_file(Path(folders[0])) else None


def _one(addon: Path | None, asked: ValidateChoice, outputs: Outputs, modes: Modes) -> None:
    with open_run("validate", modes, addon=addon, lane="validate") as opened:
        from bb8deploy.lanes.validate.validate import examine

        outputs.check()
        chosen = asked.selection(opened.run.workspace, own=addon is None)
        outcome = examine(
            opened.run,
            with_tests=asked.with_tests,
            mode=asked.mode,
            fix=asked.fix,
            selection=chosen,
            baseline=asked.accepted(),
        )
        _say_fixes(opened, outcome.fixes)
        _show(opened, outputs, outcome)
        report = outcome.report
        opened.result.update(
            mode=str(report.mode),
            rating=report.rating,
            version=report.version,
            oldest_supervisor=outcome.oldest,
        )
        if outcome.failure:
            raise outcome.failure


def _say_fixes(opened: Opened, fixes: tuple[Fix, ...]) -> None:
    opened.result["fixes"] = [{"path": one.path, "what": one.description} for one in fixes]
    for one in fixes:
        opened.console.note(f"{'would fix' if opened.run.dry_run else 'fixed'} {one.path}: {one.description}")
        if opened.run.dry_run:
            opened.console.text(one.diff().rstrip("\n"))


def _show(opened: Opened, outputs: Outputs, outcome: ValidateOutcome) -> None:
    from dataclasses import replace

    from bb8deploy.checks.output.markdown_summary import FindingRow
    from bb8deploy.checks.output.text_and_github import people, summary

    run, console = opened.run, opened.console
    inside = run.addon.is_relative_to(run.workspace)
    folder = run.addon.relative_to(run.workspace).as_posix() if inside else ""
    folder = "" if folder == "." else folder
    findings = [replace(one, path=one.path or folder) for one in run.findings]
    for line, style in people(findings, run.workspace if inside else run.addon):
        console.text(line, style)
    console.text(summary(findings))
    report = outcome.report
    row = FindingRow(
        folder,
        report.version,
        report.rating,
        outcome.oldest,
        tuple(findings),
    )
    outputs.write(console, findings, [row], run.clean)
