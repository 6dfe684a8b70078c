"""`bb8deploy validate`: lane 1."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.common import Modes, Opened, open_run
from bb8deploy.cli.options import Addon, AsJson, DryRun, Quiet

if TYPE_CHECKING:
    from bb8deploy.checks.fix.fixes import Fix


class Wanted(StrEnum):
    """The mode that the add-on must be in."""

    AUTO = "auto"
    LOCAL_DEV = "local_dev"
    PUBLISH = "publish"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(validate)


def validate(
    addon: Addon = None,
    mode: Annotated[
        Wanted,
        typer.Option(
            "--mode", help="local_dev: built on the host; publish: pulled; auto: as config.yaml says."
        ),
    ] = Wanted.AUTO,
    no_tests: Annotated[bool, typer.Option("--no-tests", help="Leave the add-on's tests out.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is safe first; with --dry-run show it as a diff.")
    ] = False,
    dry_run: DryRun = False,
    json_output: AsJson = False,
    github: Annotated[bool, typer.Option("--github", help="Findings as GitHub annotations.")] = False,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the findings as SARIF 2.1.0.")] = None,
    quiet: Quiet = False,
) -> None:
    """Check the add-on as the Supervisor, the builder and the user would, and run its tests."""
    from bb8deploy.checks.mode import Mode

    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run)
    wanted = None if mode is Wanted.AUTO else Mode(mode.upper())
    with open_run("validate", modes, addon=addon, lane="validate") as opened:
        from bb8deploy.lanes.validate.validate import LANE
        from bb8deploy.lanes.validate.validate import validate as lane

        try:
            lane(opened.run, with_tests=not no_tests and not dry_run, mode=wanted, fix=fix)
        finally:
            _say_fixes(opened, opened.run.facts.get("fixes", ()))
            _show(opened, github=github, sarif=sarif)
            opened.result.update(opened.run.facts.get(LANE, {}))


def _say_fixes(opened: Opened, fixes: tuple[Fix, ...]) -> None:
    opened.result["fixes"] = [{"path": one.path, "what": one.description} for one in fixes]
    for one in fixes:
        opened.console.note(
            f"{'would mend' if opened.run.dry_run else 'mended'} {one.path}: {one.description}"
        )
        if opened.run.dry_run:
            opened.console.text(one.diff().rstrip("\n"))


def _show(opened: Opened, *, github: bool, sarif: Path | None) -> None:
    from bb8deploy.checks.output import formats

    run, console = opened.run, opened.console
    prefix = (
        run.addon.relative_to(run.workspace).as_posix() if run.addon.is_relative_to(run.workspace) else ""
    )
    for line, style in formats.people(run.findings, run.addon):
        console.text(line, style)
    console.text(formats.summary(run.findings))
    if github:
        for line in formats.github(run.findings, prefix):
            console.text(line)
    if sarif:
        import json

        from bb8deploy import __version__
        from bb8deploy.base.atomic import write_text

        document = json.dumps(formats.sarif(run.findings, __version__, prefix), indent=2)
        write_text(sarif, run.clean(document) + "\n")
