"""`bb8deploy diagnose`: what works, what does not, and what to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.catalogue.errors.tool import USAGE_INVALID
from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.operate.diagnose_of_hosts import diagnose_several
from bb8deploy.cli.rollouts import asked_for, is_rollout
from bb8deploy.cli.shared_options import Addon, AsJson, Quiet, Targets

if TYPE_CHECKING:
    from bb8deploy.lanes.diagnose.diagnose import Diagnosis

Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle", metavar="FILE", help="Write an archive for a bug report, without secrets and host names."
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(diagnose)


def diagnose(
    target: Targets = None,
    bundle: Bundle = None,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check settings, host, Supervisor, app, broker and robot. Changes nothing.

    Exit code 0: nothing failed. 3: every failure is a missing answer. 1: anything else failed.
    """
    modes = Modes(as_json=json_output, quiet=quiet)
    with open_run("diagnose", modes, target=asked_for(target), addon=addon) as opened:
        if is_rollout(opened):
            if bundle:
                raise USAGE_INVALID("`--bundle` is about one host", "Name one host with `--target NAME`.")
            diagnose_several(opened)
            return
        from bb8deploy.lanes.diagnose.contract import contract
        from bb8deploy.lanes.diagnose.diagnose import diagnose as look

        run, console = opened.run, opened.console
        with run.step("check everything"):
            diagnosis = look(run)
        console.hidden.extend(diagnosis.secrets)
        diagnosis = diagnosis.completed(console.complete)
        path = run.write_contract(contract(run, diagnosis))
        _show(opened, diagnosis)
        opened.result["contract"] = str(path)
        if bundle:
            _bundle(opened, diagnosis, bundle)
        if diagnosis.exit_code:
            raise typer.Exit(diagnosis.exit_code)


def _show(opened: Opened, diagnosis: Diagnosis) -> None:
    from bb8deploy.lanes.diagnose.text_output import lines

    console = opened.console
    opened.result.update(
        checks=[asdict(check) for check in diagnosis.checks],
        troubles=[asdict(trouble) for trouble in diagnosis.troubles],
        seconds=round(diagnosis.seconds, 3),
    )
    for line, style in lines(diagnosis, console.columns):
        console.text(line, style)


def _bundle(opened: Opened, diagnosis: Diagnosis, path: Path) -> None:
    from bb8deploy.lanes.diagnose.bug_report_archive import write_bundle

    names = write_bundle(opened.run, diagnosis, path)
    opened.result["bundle"] = {"file": str(path), "holds": list(names)}
    opened.console.note(
        f"wrote {path}: {len(names)} files, without secrets and host names; check it before you send it"
    )
