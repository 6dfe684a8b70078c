"""`bb8deploy dev`: save, and the running app has it within a second, proven."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.operate.dev_output import JsonView, PlainView, ScreenView
from bb8deploy.cli.shared_options import AcceptNew, Addon, LockWait, Target, Via, ViaChoice
from bb8deploy.console.dev_screen import DevScreen
from bb8deploy.console.terminal_capabilities import is_plain

if TYPE_CHECKING:
    from bb8deploy.lanes.dev.loop import DevOptions
    from bb8deploy.lanes.dev.outcome import DevOutcome

Plain = Annotated[bool, typer.Option("--plain", help="Print lines instead of one screen.")]
Once = Annotated[bool, typer.Option("--once", help="Deliver what is saved now, prove it, and return.")]
End = Annotated[bool, typer.Option("--end", help="End the dev loop: deploy the workspace without it.")]
AsLines = Annotated[bool, typer.Option("--json", help="Print one JSON object per line for each event.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(dev)


def dev(
    target: Target = "default",
    via: Via = ViaChoice.AUTO,
    plain: Plain = False,
    once: Once = False,
    end: End = False,
    accept_new: AcceptNew = False,
    lock_wait: LockWait = None,
    addon: Addon = None,
    json_output: AsLines = False,
) -> None:
    """Bring each save into the running app and prove it. LIVE_OK means that the new process reported it."""
    modes = Modes(as_json=json_output, via=via.value, lock_wait=lock_wait)
    with open_run("dev", modes, target=target, addon=addon, lane="dev") as opened:
        from bb8deploy.lanes.dev.loop import DevOptions
        from bb8deploy.lanes.dev.loop import end as end_it
        from bb8deploy.lanes.host_session import Access

        access = Access(via.value, accept_new)
        opened.console.compact = json_output
        if end:
            _show_end(opened, proven=end_it(opened.run, access))
            return
        outcome = _watched(opened, DevOptions(access, once), plain=plain)
        opened.result.update(pushes=len(outcome.pushes), still_on=outcome.still_on)
        if outcome.still_on:
            opened.console.note("the dev loop is still on for the app; `bb8deploy dev --end` ends it")
        else:
            _show_end(opened, proven=outcome.proven)


def _show_end(opened: Opened, *, proven: bool) -> None:
    content = "the built content is proven" if proven else "the built content is not proven"
    opened.console.note(f"the dev loop has ended; {content}")


def _watched(opened: Opened, options: DevOptions, *, plain: bool) -> DevOutcome:
    from bb8deploy.lanes.dev.loop import dev as loop

    console, run = opened.console, opened.run
    if console.as_json:
        return loop(run, JsonView(console), options)
    if plain or options.once or is_plain() or not (console.err.isatty() and console.out.isatty()):
        return loop(run, PlainView(console), options)
    screen = DevScreen(f"{run.addon.name} on target {run.settings.target}", console)
    with screen.shown(), _keys(options, screen):
        return loop(run, ScreenView(screen), options)


@contextmanager
def _keys(options: DevOptions, screen: DevScreen) -> Iterator[None]:
    """Turns keys into the loop's words, in a thread of their own."""
    from bb8deploy.base.os_differences import single_keys
    from bb8deploy.lanes.dev.loop import BUILD, END, QUIT, RESTART

    words = {"r": RESTART, "b": BUILD, "e": END, "q": QUIT}
    ended = threading.Event()

    def read(key: Callable[[float], str]) -> None:
        while not ended.is_set():
            pressed = key(0.2)
            if pressed in words:
                options.inbox.put(words[pressed])
            elif pressed == "l":
                screen.toggle_log()

    with single_keys() as key:
        thread = threading.Thread(target=read, args=(key,), daemon=True, name="bb8deploy-keys")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
