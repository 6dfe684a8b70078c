"""What the commands for several hosts share: the options of their pace, the table and the document."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bb8deploy.base.errors import Bb8Error, UsageError
from bb8deploy.cli.host_options import ProofOptions
from bb8deploy.cli.open_run import Opened, load_settings
from bb8deploy.cli.suggested_commands import carrier
from bb8deploy.console.console import as_dict

if TYPE_CHECKING:
    from bb8deploy.lanes.rollout.host_commands import HostCommand
    from bb8deploy.lanes.rollout.host_result import TargetResult
    from bb8deploy.lanes.rollout.roll_out import Rollout, RolloutRequest
    from bb8deploy.plan.waves import Pace

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

    @property
    def own(self) -> dict[str, object]:
        """The options of the pace."""
        return {
            "--canary": self.canary,
            "--wave": self.wave,
            "--max-failures": self.max_failures,
            "--pause": self.pause,
        }


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

    read_secrets(opened, opened.targets.names[1:])  # the settings of the first are loaded
    request = request_of(opened, host, resume=resume)
    rollout = roll_out(opened.run, request, command)
    for row in rollout.rows:
        _complete(opened, row)
    opened.result["targets"] = [_as_dict(row) for row in rollout.rows]
    opened.result["stopped"] = rollout.stopped
    summarize(opened.run, request, rollout)
    _tell(opened, rollout, command)
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


def for_host(opened: Opened, target: str) -> Callable[[str], str]:
    """A function that adds one host's target to commands, then the other options of the run."""
    own = carrier([("--target", target)])
    return lambda text: opened.console.complete(own(text))


def show_host_error(opened: Opened, target: str, error: Bb8Error) -> None:
    """Shows the error of one of several hosts, with its name."""
    complete = for_host(opened, target)
    cause, details = f"[{target}] {error.cause}", [*map(complete, error.details)]
    opened.console.error(Bb8Error(error.code, cause, complete(error.remedy), details=details))


def _complete(opened: Opened, row: TargetResult) -> None:
    """Completes the commands of a host's remedy; those of an interrupted rollout are about all hosts."""
    if row.error:
        complete = opened.console.complete if row.exit_code == 130 else for_host(opened, row.name)
        row.error.remedy = complete(row.error.remedy)


def _tell(opened: Opened, rollout: Rollout, command: HostCommand) -> None:
    """The plan of each host, or why it failed; then the table, and what was not started."""
    for row in rollout.rows:
        for line in row.preview:
            opened.console.text(f"[{row.name}] {line}")
        if row.error and row.exit_code != 130:
            show_host_error(opened, row.name, row.error)
    columns = ("target", "result", "version", "action", "proof")
    opened.console.table("Targets", columns, [_cells(row) for row in rollout.rows])
    if rollout.waiting and not rollout.interrupted:
        opened.console.note(_stopped(rollout, command))


def _stopped(rollout: Rollout, command: HostCommand) -> str:
    """Why some hosts were not started, and the command that continues."""
    resume = command.resume()
    again = f"`{resume}` continues" if resume else "run the same command again"
    counted = f"{len(rollout.waiting)} of {len(rollout.rows)}"
    return f"stopped, because {rollout.stopped}; hosts not started: {counted}; {again}"


def _cells(row: TargetResult) -> Sequence[str]:
    return (row.name, row.in_words, row.version, row.action, row.proof)


def _as_dict(row: TargetResult) -> dict[str, object]:
    from bb8deploy.lanes.rollout.rollout_summary import host_model

    return {
        **host_model(row).model_dump(mode="json"),
        "preview": list(row.preview),
        "error": as_dict(row.error) if row.error else None,
    }
