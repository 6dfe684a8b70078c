"""`bb8deploy init`: finds Home Assistant, asks what is needed, checks each answer, writes `.env`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.catalogue.errors.settings import (
    ENV_EXISTS,
    INIT_NO_TERMINAL,
    INIT_SECRET_ON_COMMAND_LINE,
    INIT_SETTING_UNKNOWN,
)
from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import AcceptNew, Addon, AsJson, Target, Yes
from bb8deploy.console.console import Console
from bb8deploy.settings.settings_table import KEYS, suggestion
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.project import Project, settings_of

if TYPE_CHECKING:
    from bb8deploy.lanes.init.answer_checks import InitCheck
    from bb8deploy.lanes.init.app_repository import Repository, Written

NonInteractive = Annotated[
    bool, typer.Option("--non-interactive", help="Ask nothing. Use --set, the environment and the file.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Set a setting that is not secret. Can be repeated.", metavar="NAME=VALUE"),
]
Search = Annotated[
    float, typer.Option("--search", min=0, help="Seconds to search for Home Assistant. 0: do not search.")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(init)


def init(
    non_interactive: NonInteractive = False,
    sets: Set = None,
    search: Search = 3.0,
    accept_new: AcceptNew = False,
    target: Target = "default",
    addon: Addon = None,
    yes: Yes = False,
    json_output: AsJson = False,
) -> None:
    """Ask for the host, check each answer, and write .env (mode 0600, ignored by git).

    In a repository without settings of bb8deploy, also write bb8deploy.toml with the settings that all
    developers share: the layout and the remote. For several apps, one setting with {slug} is enough:
    HA_REMOTE_RUNTIME=/addons/{slug}. Secrets are typed without echo. With --non-interactive they come from
    the environment (HA_LLAT, MQTT_PASSWORD), never from the command line. Neither file is written before
    all answers are given.
    """
    with plain_errors(Modes(as_json=json_output), target=target, addon=addon) as console:
        from bb8deploy.lanes.init import init as lane
        from bb8deploy.lanes.init.answer_checks import InitCheck
        from bb8deploy.lanes.init.app_repository import described, find_repository, write_settings
        from bb8deploy.settings.load_settings import target_file

        repository = find_repository(Path.cwd(), addon)
        project = repository.project
        path = target_file(project.root, target)
        if not non_interactive:
            _need_terminal()
        _may_change(console, path, yes=yes, can_ask=not non_interactive)
        settings = _settings(project, target, path, sets or [])
        console.note(described(repository, settings))
        asked = InitCheck(
            settings, project, console, accept_new, not non_interactive, several=repository.several
        )
        console.hidden.extend(asked.settings.secrets())
        seen: tuple[str, ...] = ()
        if non_interactive:
            seen = lane.settle(asked)
        else:
            settings = _talk(console, asked, search)
        written = write_settings(repository, path, settings, console)
        _finish(console, repository, written, seen)


def _talk(console: Console, asked: InitCheck, search: float) -> Settings:
    from bb8deploy.lanes.init.find_home_assistant import Found, find
    from bb8deploy.lanes.init.init import converse

    found: Sequence[Found] = ()
    if search:
        with console.step("search for Home Assistant in the local network"):
            found = find(search)
        if not found:
            console.note("No Home Assistant was found. You can enter its address.")
    console.note(
        "Enter accepts the value in brackets, - leaves the setting out. Ctrl-C quits without writing."
    )
    return converse(asked, _Terminal(console), found)


class _Terminal:
    """The console as the source of the answers."""

    def __init__(self, console: Console) -> None:
        self.ask, self.ask_secret, self.confirm = console.ask, console.ask_secret, console.confirm
        self.note, self.warn, self.problem = console.note, console.warn, console.error


def _settings(project: Project, target: str, path: Path, sets: Sequence[str]) -> Settings:
    """The current settings. A target without a file has those of `.env`."""
    given = dict(_pair(text) for text in sets)
    named = target if path.exists() else "default"
    settings = settings_of(project.root, project.addon, target=named, flags=given)
    return replace(settings, slug=read_addon(project.addon).slug)  # for answers with {slug} in them


def _pair(text: str) -> tuple[str, str]:
    """`NAME=VALUE` of a known setting that is not secret: every user can read command lines."""
    name, separator, value = text.partition("=")
    key = next((key for key in KEYS if name in (key.name, *key.aliases)), None)
    if not separator or key is None:
        near = suggestion(name)
        raise INIT_SETTING_UNKNOWN(
            f"`--set {name}` is not a setting" if separator else f"`--set {name}` has no value",
            f"Did you mean {near}=VALUE?" if near else "`bb8deploy config` lists every setting.",
        )
    if key.secret:
        raise INIT_SECRET_ON_COMMAND_LINE(
            f"{name} is a secret, and every user of this machine can read command lines",
            f"Set {name} in the environment, then run `bb8deploy init --non-interactive`.",
        )
    return name, value


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise INIT_NO_TERMINAL("there is no terminal to ask on")


def _may_change(console: Console, path: Path, *, yes: bool, can_ask: bool) -> None:
    """An existing file is changed only after a confirmation."""
    if not path.exists() or yes:
        return
    question = f"{path.name} exists. Change it? Other lines stay as they are."
    if not (can_ask and console.confirm(question)):
        raise ENV_EXISTS(f"{path.name} exists, and changing it was not confirmed")


def _finish(console: Console, repository: Repository, written: Written, seen: Sequence[str]) -> None:
    if console.as_json:
        common = str(written.common) if written.common else None
        console.document({"file": str(written.own), "shared": common, "seen": list(seen)})
        return
    for line in seen:
        console.note(f"  {line}")
    if written.common:
        console.text(
            f"wrote {written.common}: the layout and the settings that all developers share; commit it"
        )
    console.text(f"wrote {written.own} (mode 0600)")
    where = "in an app's folder, " if repository.several else ""
    console.note(f"Next: {where}`bb8deploy deploy --dry-run` shows what would be sent.")
