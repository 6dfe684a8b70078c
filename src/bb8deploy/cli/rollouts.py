"""What the commands for several hosts share: the options of their pace, the table and the document."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bb8deploy.base.errors import Bb8Error, UsageError
from bb8deploy.cli.host_options import ProofOptions
from bb8deploy.cli.open_run import Opened, load_settings
from bb8deploy.cli.suggested_commands import Options, carrier, options_of
from bb8deploy.console.console import as_dict

if TYPE_CHECKING:
    from bb8deploy.lanes.rollout.host_commands import HostCommand
    from bb8deploy.lanes.rollout.host_result import TargetResult
    from bb8deploy.lanes.rollout.roll_out import Rollout, RolloutRequest
    from bb8deploy.plan.waves import Pace

_AGAIN = {
    "deploy": "`bb8deploy deploy --resume`",
    "rollback": "`bb8deploy rollback --resume`",
    "verify": "`bb8deploy verify`",
}
Number = TypeVar("Number", int, float)
Canary = Annotated[
    int | None,
    typer.Option(
        "--canary",
        metavar="N",
        min=0,
        help="Of several hosts, begin with the first N alone.",
        show_default=False,
    ),
]
WaveSize = Annotated[
    int | None,
    typer.Option(
        "--wave", metavar="N", min=1, help="Then take N hosts at a time, at most 32.", show_default=False
    ),
]
MaxFailures = Annotated[
    int | None,
    typer.Option(
        "--max-failures",
        metavar="N",
        min=1,
        help="Begin no wave after N hosts failed; default 1.",
        show_default=False,
    ),
]
Pause = Annotated[
    float | None,
    typer.Option("--pause", metavar="SECONDS", min=0, help="Wait between waves.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class RolloutOptions(ProofOptions):
    """The options of a command for one host or several; None is what the group has, else the default."""

    canary: Canary = None
    wave: WaveSize = None
    max_failures: MaxFailures = None
    pause: Pause = None


def asked_for(target: list[str] | None) -> list[str]:
    """The targets and groups that were named, each once."""
    return list(dict.fromkeys(target or ["default"]))


def is_rollout(opened: Opened) -> bool:
    """Whether a group or several targets were named: then every host has receipts of its own."""
    return opened.targets.group is not None or len(opened.targets.names) > 1


def request_of(opened: Opened, host: RolloutOptions, *, resume: bool = False) -> RolloutRequest:
    """What the command line asks for, with what the group says."""
    from bb8deploy.lanes.rollout.roll_out import RolloutRequest

    chosen = opened.targets
    group = chosen.group.name if chosen.group else ""
    return RolloutRequest(chosen.names, chosen.asked, _pace(opened, host), resume=resume, group=group)


def show_rollout(opened: Opened, host: RolloutOptions, command: HostCommand, *, resume: bool = False) -> None:
    """Carries out a command on all hosts and shows how each ended. Raises typer.Exit with the worst code."""
    from bb8deploy.lanes.rollout.roll_out import roll_out
    from bb8deploy.lanes.rollout.rollout_summary import summarize

    common = options_of([], host.addon, host.via.value, host.as_name, host.proof)
    opened.console.complete = carrier([*(("--target", name) for name in opened.targets.asked), *common])
    read_secrets(opened, opened.targets.names[1:])  # the settings of the first are loaded
    request = request_of(opened, host, resume=resume)
    rollout = roll_out(opened.run, request, command)
    for row in rollout.rows:
        _complete(row, common)
    opened.result["targets"] = [_as_dict(row) for row in rollout.rows]
    opened.result["stopped"] = rollout.stopped
    summarize(opened.run, request, rollout)
    _tell(opened, rollout)
    if rollout.interrupted:
        raise rollout.interrupted
    if rollout.exit_code:
        raise typer.Exit(rollout.exit_code)


def _pace(opened: Opened, host: RolloutOptions) -> Pace:
    from bb8deploy.plan.waves import AT_ONCE, Pace
    from bb8deploy.settings.target_groups import TargetGroup

    default, group = Pace(), opened.targets.group or TargetGroup("", ())
    return Pace(
        _first(host.canary, group.canary, default.canary),
        min(_first(host.wave, group.wave, default.wave), AT_ONCE),
        _first(host.max_failures, group.max_failures, default.max_failures),
        _first(host.pause, group.pause, default.pause),
    )


def _first(given: Number | None, grouped: Number | None, default: Number) -> Number:
    """The value of the command line, else that of the group, else the default."""
    if given is not None:
        return given
    return default if grouped is None else grouped


def read_secrets(opened: Opened, names: Sequence[str]) -> None:
    """Masks the secrets of these targets in what is printed."""
    for name in names:
        with contextlib.suppress(UsageError):  # reported in its row
            load_settings(opened.project, name, opened.console)


def show_host_error(opened: Opened, target: str, error: Bb8Error, remedy: str) -> None:
    """Shows the error of one of several hosts, with its name."""
    cause = f"[{target}] {error.cause}"
    opened.console.error(Bb8Error(error.code, cause, remedy, details=error.details))


def _complete(row: TargetResult, common: Options) -> None:
    """Adds the target's name to the commands of its remedy."""
    if row.error and row.exit_code != 130:
        row.error.remedy = carrier([("--target", row.name), *common])(row.error.remedy)


def _tell(opened: Opened, rollout: Rollout) -> None:
    """The plan of each host, or why it failed; then the table, and what was not started."""
    for row in rollout.rows:
        for line in row.preview:
            opened.console.text(f"[{row.name}] {line}")
        if row.error and row.exit_code != 130:
            show_host_error(opened, row.name, row.error, row.error.remedy)
    columns = ("target", "result", "version", "action", "proof")
    opened.console.table("Targets", columns, [_cells(row) for row in rollout.rows])
    if rollout.waiting and not rollout.interrupted:
        opened.console.note(_stopped(opened, rollout))


def _stopped(opened: Opened, rollout: Rollout) -> str:
    """Why some hosts were not started, and the command that continues."""
    again = _AGAIN[opened.run.command.split(maxsplit=1)[0]]
    counted = f"{len(rollout.waiting)} of {len(rollout.rows)}"
    return f"stopped, because {rollout.stopped}; hosts not started: {counted}; {again} continues"


def _cells(row: TargetResult) -> Sequence[str]:
    return (row.name, row.in_words, row.version, row.action, row.proof)


def _as_dict(row: TargetResult) -> dict[str, object]:
    return {
        "target": row.name,
        "result": row.result,
        "exit_code": row.exit_code,
        "version": row.version,
        "tree": row.tree,
        "proof": row.proof,
        "action": row.action,
        "wave": row.wave,
        "seconds": row.seconds,
        "earlier_run": row.earlier,
        "tokens": list(row.tokens),
        "reports": str(row.reports) if row.wave else "",
        "preview": list(row.preview),
        "error": as_dict(row.error) if row.error else None,
    }
