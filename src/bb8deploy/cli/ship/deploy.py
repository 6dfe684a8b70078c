"""`bb8deploy deploy`: lanes 2 and 3, to one host or several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.host_options import takes_host_options
from bb8deploy.cli.open_run import Opened, open_run
from bb8deploy.cli.print_outcomes import show_preview, show_sync, show_verify
from bb8deploy.cli.rollouts import RolloutOptions, asked_for, is_rollout, show_rollout
from bb8deploy.cli.shared_options import AppOption, Backup, Diff, NoStart, NoValidate, Targets, YesOverwrite

if TYPE_CHECKING:
    from bb8deploy.lanes.deploy.deploy import DeployOptions

Ports = Annotated[
    str,
    typer.Option("--ports", metavar="drop|+N", help="With --as: open no port on the host, or add N to each."),
]
OverwriteTree = Annotated[
    str,
    typer.Option(
        "--overwrite-tree",
        metavar="DIGEST",
        help="Overwrite edits on the host only if its tree is this one (`previous_tree` of --json).",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the newest deploy that did not finish.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(deploy))


def deploy(
    host: RolloutOptions,
    target: Targets = None,
    no_start: NoStart = False,
    backup: Backup = False,
    no_validate: NoValidate = False,
    option: AppOption = None,
    resume: Resume = False,
    diff: Diff = False,
    ports: Ports = "",
    overwrite_tree: OverwriteTree = "",
    yes: YesOverwrite = False,
) -> None:
    """Sync and verify. If the new version cannot be verified, the earlier one is restored.

    With --as NAME, deploy a second copy (instance) of the app, with its own slug, name, folder and data. It
    leaves no files in the workspace.

    With a group or several --target options the hosts are deployed in waves, in parallel, each with its own
    receipts in reports/targets/NAME/. After a failure no further wave begins; the exit code is the worst one.
    """
    own = {"--no-start": no_start, "--backup": backup, "--no-validate": no_validate}
    modes = host.modes(yes=yes, ports=ports, own=own)
    with open_run("deploy", modes, target=asked_for(target), addon=host.addon, lane="deploy") as opened:
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
            edited_tree=overwrite_tree,
        )
        if is_rollout(opened):
            _several(opened, host, options)
        else:
            _one(opened, options)


def _several(opened: Opened, host: RolloutOptions, options: DeployOptions) -> None:
    from bb8deploy.lanes.rollout.host_commands import deploying

    with deploying(opened.run, options) as command:
        show_rollout(opened, host, command, resume=options.resume)


def _one(opened: Opened, options: DeployOptions) -> None:
    from bb8deploy.lanes.deploy.deploy import deploy as lane

    outcome = lane(opened.run, options)
    show_sync(opened, outcome.synced)
    if outcome.verified:
        show_verify(opened, outcome.verified)
    if outcome.preview:
        show_preview(opened, outcome.preview)
