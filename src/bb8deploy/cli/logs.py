"""`bb8deploy logs`: the add-on's log, or the Supervisor's own, by whichever way it is reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.common import Modes, Opened, open_run
from bb8deploy.cli.options import Target
from bb8deploy.errors import Refused, Unreachable, UsageError

if TYPE_CHECKING:
    from bb8deploy.host.supervisor.base import Supervisor

PAUSE, PAUSE_MAX = 1.0, 30.0


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(logs)


def logs(
    target: Target = "default",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new lines as they come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=2, max=10000, help="How many lines.")] = 100,
    supervisor: Annotated[
        bool, typer.Option("--supervisor", help="The Supervisor's own log, where build output stands.")
    ] = False,
) -> None:
    """Show the add-on's log; with --follow, connect again whenever the connection ends."""
    with open_run("logs", Modes(), target=target) as opened:
        if follow and supervisor:
            raise UsageError(
                "LOGS_FOLLOW_ADDON_ONLY",
                "--follow shows the add-on's log only",
                "Leave out --follow or --supervisor.",
            )
        if follow:
            _follow(opened)
            return
        found = _with_route(
            opened, lambda way, slug: way.supervisor_logs(lines) if supervisor else way.logs(slug, lines)
        )
        for line in found:
            opened.console.raw(opened.run.clean(line))


def _with_route(opened: Opened, call: Callable[[Supervisor, str], tuple[str, ...]]) -> tuple[str, ...]:
    from bb8deploy.host.supervisor.route import open_route
    from bb8deploy.lanes.verify import slug_of

    run = opened.run
    slug = slug_of(run)
    with open_route(run.settings, run.addon, run.progress, slug) as reached:
        return call(reached.supervisor, slug)


def _follow(opened: Opened) -> None:
    """Follows until Ctrl-C; a lost connection is opened again, ever more slowly while it stays away."""
    pause = PAUSE
    while True:
        began = time.monotonic()
        try:
            _with_route(opened, lambda way, slug: _print(opened, way, slug))
            why = "the log ended"
        except Refused:
            raise
        except Unreachable as error:
            why = error.cause
        pause = PAUSE if time.monotonic() - began > PAUSE_MAX else min(PAUSE_MAX, pause * 2)
        opened.console.warn(f"{why}; connecting again in {pause:g} s")
        time.sleep(pause)


def _print(opened: Opened, way: Supervisor, slug: str) -> tuple[str, ...]:
    for line in way.follow(slug):
        opened.console.raw(opened.run.clean(line))
    return ()
