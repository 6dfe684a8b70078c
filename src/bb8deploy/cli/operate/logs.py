"""`bb8deploy logs`: the log of the app or of the Supervisor, over any route."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.base.errors import Refused, Unreachable
from bb8deploy.catalogue.errors.app import ADDON_NOT_INSTALLED
from bb8deploy.catalogue.errors.tool import LOGS_FOLLOW_ADDON_ONLY, LOGS_FOLLOW_JSON
from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.shared_options import Addon, As, AsJson, Target

if TYPE_CHECKING:
    from bb8deploy.host.supervisor.route_interface import Supervisor

PAUSE, PAUSE_MAX = 1.0, 30.0
REMEMBERED = 1000


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(logs)


def logs(
    target: Target = "default",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show new lines as they arrive, until Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=2, max=10000, help="The number of lines.")] = 100,
    supervisor: Annotated[
        bool, typer.Option("--supervisor", help="Show the Supervisor's log, which has the output of builds.")
    ] = False,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
) -> None:
    """Show the log of the app. With --follow, reconnect when the connection ends."""
    modes = Modes(as_json=json_output, as_name=as_name)
    with open_run("logs", modes, target=target, addon=addon) as opened:
        if follow and json_output:
            raise LOGS_FOLLOW_JSON("--follow never ends, so it cannot be one JSON document")
        if follow and supervisor:
            raise LOGS_FOLLOW_ADDON_ONLY("--follow shows the app's log only")
        if follow:
            with suppress(KeyboardInterrupt):  # the normal end of following
                _follow(opened, lines)
            return
        with _route(opened, need_addon=not supervisor) as (route, slug):
            found = route.supervisor_logs(lines) if supervisor else route.logs(slug, lines)
        if json_output:
            opened.result["lines"] = list(found)
            return
        for line in found:
            _show(opened, line)


@contextmanager
def _route(opened: Opened, *, need_addon: bool) -> Iterator[tuple[Supervisor, str]]:
    from bb8deploy.lanes.host_session import routed, slug_of

    run = opened.run
    slug = slug_of(run)
    with routed(run) as reached:
        state = reached.first.state
        if need_addon and (state is None or not state.installed):
            raise ADDON_NOT_INSTALLED(f"{slug} is not installed on {run.settings.target}, so it has no log")
        yield reached.supervisor, slug


def _follow(opened: Opened, lines: int) -> None:
    """Follows until Ctrl-C; a lost connection is opened again, with longer and longer pauses."""
    shown: deque[str] = deque(maxlen=REMEMBERED)
    pause = PAUSE
    while True:
        try:
            with _route(opened, need_addon=True) as (route, slug):
                for line in _new_lines(route, slug, shown, lines):
                    _show(opened, line)
                    shown.append(line)
                    pause = PAUSE
            why = "the log ended"
        except Refused:
            raise
        except Unreachable as error:
            if not shown:
                raise
            why = error.cause
        opened.console.warn(f"{why}; connecting again in {pause:g} s")
        time.sleep(pause)
        pause = min(PAUSE_MAX, pause * 2)


def _new_lines(route: Supervisor, slug: str, shown: deque[str], lines: int) -> Iterator[str]:
    """The lines of the log that were not shown yet, then each line as it comes."""
    from bb8deploy.plan.logs.identity_line import newer_lines
    from bb8deploy.plan.logs.log_display import unseen

    # More than the followed log's own beginning, which reaches some hundred lines back.
    known = route.logs(slug, max(lines, REMEMBERED))
    yield from newer_lines(tuple(shown), known, window=0) if shown else known[-lines:]
    yield from unseen(known, route.follow(slug))


def _show(opened: Opened, line: str) -> None:
    from bb8deploy.plan.logs.log_display import style_of

    opened.console.raw(opened.run.clean(line), style_of(line))
