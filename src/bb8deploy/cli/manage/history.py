"""`bb8deploy history`: who deployed what and when, by the receipts of the hosts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, Opened, load_settings, open_run
from bb8deploy.cli.rollouts import asked_for
from bb8deploy.cli.shared_options import Addon, As, AsJson, Targets, Via, ViaChoice

if TYPE_CHECKING:
    from bb8deploy.lanes.history.history import HostHistory, TargetSettings

Count = Annotated[int, typer.Option("-n", "--lines", min=1, help="Show this many runs of each host.")]
AllApps = Annotated[bool, typer.Option("--all-apps", help="Show the runs of other apps on the host too.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(history)


def history(
    target: Targets = None,
    via: Via = ViaChoice.AUTO,
    lines: Count = 20,
    all_apps: AllApps = False,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
) -> None:
    """Show who deployed what and when, from the receipts on the hosts of all targets."""
    modes = Modes(as_json=json_output, via=via.value, as_name=as_name)
    with open_run("history", modes, target=asked_for(target), addon=addon) as opened:
        from bb8deploy.lanes.history.history import history as lane
        from bb8deploy.lanes.host_session import slug_of

        slug = "" if all_apps else slug_of(opened.run)
        found = lane(_targets(opened, named=bool(target)), slug, opened.console, via=via.value)
        _show(opened, found, lines)


def _targets(opened: Opened, *, named: bool) -> list[TargetSettings]:
    """The named targets and those of named groups, by default all of the workspace."""
    from bb8deploy.base.errors import UsageError
    from bb8deploy.lanes.history.history import TargetSettings
    from bb8deploy.settings.load_settings import target_names

    names = opened.targets.names if named else ("default", *target_names(opened.project.root))
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append(TargetSettings(name, load_settings(opened.project, name, opened.console)))
        except UsageError as error:
            found.append(TargetSettings(name, None, error))
    return found


def _show(opened: Opened, found: list[HostHistory], count: int) -> None:
    from bb8deploy.console.console import as_dict

    opened.result["hosts"] = [
        {
            "targets": list(host.targets),
            "runs": [asdict(run) for run in host.runs[:count]],
            "absent": host.absent,
            "error": as_dict(host.error) if host.error else None,
        }
        for host in found
    ]
    rows = [
        (
            ", ".join(host.targets),
            run.when[:16].replace("T", " "),
            run.version or "-",
            run.slug or "-",
            run.by or "-",
            run.proof or "-",
            f"{run.result} ({run.error})" if run.error else run.result,
        )
        for host in found
        for run in host.runs[:count]
    ]
    if rows:
        opened.console.table(
            "History", ("target", "when (UTC)", "version", "app", "by", "proof", "result"), rows
        )
    for host in found:
        if host.error:
            opened.console.error(host.error)
        elif not host.runs:
            opened.console.note(f"{', '.join(host.targets)}: the receipt on the host has no run")
    code = max((host.error.exit_code for host in found if host.error), default=0)
    if code:
        raise typer.Exit(code)
