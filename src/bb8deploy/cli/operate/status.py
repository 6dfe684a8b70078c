"""`bb8deploy status`: the versions everywhere, on one screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.operate.status_of_hosts import show_hosts
from bb8deploy.cli.rollouts import asked_for, is_rollout
from bb8deploy.cli.shared_options import Addon, As, AsJson, Targets

if TYPE_CHECKING:
    from bb8deploy.plan.version_drift import VersionPlace

NAME, VERSION, TREE = 11, 14, 14
_STYLES = {"edited": "yellow", "down": "red", "absent": "yellow", "unseen": "red", "unset": "dim", "fine": ""}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(status)


def status(
    target: Targets = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show every target of the workspace in one table.")
    ] = False,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
) -> None:
    """Show the versions here, on the host, running and published, and their differences.

    With --all, a group or several --target options: the version, content, drift and last deploy of each host.
    """
    modes = Modes(as_json=json_output, as_name=as_name)
    with open_run("status", modes, target=asked_for(target), addon=addon) as opened:
        from bb8deploy.lanes.status.status import status as look

        if every or is_rollout(opened):
            show_hosts(opened, every=every)
            return
        found = look(opened.run)
        opened.result["places"] = [asdict(place) for place in found.places]
        drift = tuple(opened.console.complete(sentence) for sentence in found.drift)
        opened.result["drift"] = list(drift)
        _show(opened, found.places, drift)


def _show(opened: Opened, places: tuple[VersionPlace, ...], drift: tuple[str, ...]) -> None:
    console = opened.console
    console.text(f"target {opened.run.settings.destination}", "bold")
    for place in places:
        for line in rows(place, console.columns):
            console.text(line, _STYLES[place.state])
    for sentence in drift:
        for line in textwrap.wrap(f"! {sentence}", console.columns or 1000, subsequent_indent="  "):
            console.text(line, "yellow")
    if not drift:
        console.text("no drift: all versions agree", "green")


def rows(place: VersionPlace, columns: int) -> Iterator[str]:
    """A place in lines of at most `columns` (0: of any length): its detail beside its version where that
    fits, else below."""
    known = (place.version or "-", place.tree.removeprefix("sha256:")[:12] or "-")
    numbers = f"{known[0]:<{VERSION}}{known[1]:<{TREE}}" if place.version or place.tree else ""
    head = f"{place.name:<{NAME}}{numbers}"
    if not columns or len(head) + len(place.detail) <= columns:
        yield f"{head}{place.detail}"
        return
    yield head.rstrip()
    indent = " " * NAME
    yield from textwrap.wrap(
        place.detail, columns, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
