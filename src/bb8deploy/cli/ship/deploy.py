"""`bb8deploy deploy`: lanes 2 and 3, to one host or several."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.base.errors import Bb8Error, UsageError
from bb8deploy.cli.host_options import ProofOptions, takes_host_options
from bb8deploy.cli.open_run import Opened, load_settings, open_run
from bb8deploy.cli.print_outcomes import show_preview, show_sync, show_verify
from bb8deploy.cli.shared_options import AppOption, Backup, Diff, NoStart, NoValidate, Targets, YesOverwrite
from bb8deploy.cli.suggested_commands import Options, carrier, options_of
from bb8deploy.console.console import as_dict

if TYPE_CHECKING:
    from bb8deploy.lanes.deploy.deploy import DeployOptions
    from bb8deploy.lanes.rollout.roll_out import TargetResult

Ports = Annotated[
    str,
    typer.Option("--ports", metavar="drop|+N", help="With --as: open no port on the host, or add N to each."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the newest deploy that did not finish.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(deploy))


def deploy(
    host: ProofOptions,
    target: Targets = None,
    no_start: NoStart = False,
    backup: Backup = False,
    no_validate: NoValidate = False,
    option: AppOption = None,
    resume: Resume = False,
    diff: Diff = False,
    ports: Ports = "",
    yes: YesOverwrite = False,
) -> None:
    """Sync and verify. If the new version cannot be verified, the earlier one is restored.

    With --as NAME the app is deployed beside itself, as an instance with a slug, name, folder and data of its
    own. It leaves no files in the workspace.

    With several --target options the hosts are deployed in parallel, each with its own receipts in
    reports/targets/NAME/. A failure on one host does not stop the others; the exit code is the worst one.
    """
    modes = host.modes(yes=yes, ports=ports)
    names = list(dict.fromkeys(target or ["default"]))
    with open_run("deploy", modes, target=names[0], addon=host.addon, lane="deploy") as opened:
        from bb8deploy.lanes.deploy.deploy import DeployOptions
        from bb8deploy.lanes.verify.app_options import parse_options

        options = DeployOptions(
            access=host.access,
            start=not no_start,
            backup=backup,
            validate=not no_validate,
            app_options=parse_options(option or ()),
            resume=resume,
            with_diff=diff,
        )
        if len(names) == 1:
            _one(opened, options)
        else:
            carried = options_of([], host.addon, host.via.value, host.as_name, host.verify_level)
            _several(opened, names, options, carried)


def _one(opened: Opened, options: DeployOptions) -> None:
    from bb8deploy.lanes.deploy.deploy import deploy as lane

    outcome = lane(opened.run, options)
    show_sync(opened, outcome.synced)
    if outcome.verified:
        show_verify(opened, outcome.verified)
    if outcome.preview:
        show_preview(opened, outcome.preview)


def _several(opened: Opened, names: list[str], options: DeployOptions, common: Options) -> None:
    from bb8deploy.lanes.rollout.roll_out import deploy_all, worst

    opened.console.complete = carrier([*(("--target", name) for name in names), *common])
    for name in names[1:]:  # the settings of the first are loaded
        with contextlib.suppress(UsageError):  # reported in its row
            load_settings(opened.project, name, opened.console)
    rows = [_completed(row, common) for row in deploy_all(opened.run, names, options)]
    opened.result["targets"] = [_as_dict(row) for row in rows]
    for row in rows:
        _tell(opened, row)
    opened.console.table(
        "Targets",
        ("target", "result", "version", "action"),
        [(row.name, row.result, row.version, row.action) for row in rows],
    )
    code = worst(rows)
    if code:
        raise typer.Exit(code)


def _completed(row: TargetResult, common: Options) -> TargetResult:
    """The row with the target's name in the commands of its remedy."""
    if row.error:
        complete = carrier([("--target", row.name), *common])
        row.error.remedy = complete(row.error.remedy)
    return row


def _tell(opened: Opened, row: TargetResult) -> None:
    """The plan of one target, or why it failed."""
    for line in row.preview:
        opened.console.text(f"[{row.name}] {line}")
    if row.error:
        error = row.error
        cause = f"[{row.name}] {error.cause}"
        opened.console.error(Bb8Error(error.code, cause, error.remedy, details=error.details))


def _as_dict(row: TargetResult) -> dict[str, object]:
    return {
        "target": row.name,
        "result": row.result,
        "exit_code": row.exit_code,
        "version": row.version,
        "action": row.action,
        "tokens": list(row.tokens),
        "reports": str(row.reports),
        "preview": list(row.preview),
        "error": as_dict(row.error) if row.error else None,
    }
