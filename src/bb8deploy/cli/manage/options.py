"""`bb8deploy options`: shows and sets the options and settings of the installed app."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.host_options import HostOptions, takes_host_options
from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.shared_options import (
    AcceptNew,
    Addon,
    As,
    AsJson,
    Target,
    Via,
    ViaChoice,
)

if TYPE_CHECKING:
    from bb8deploy.plan.app_settings import AppSettings, SettingChange

Restart = Annotated[
    bool, typer.Option("--restart", help="Restart the app if it runs, so that the options take effect.")
]
Pairs = Annotated[
    list[str], typer.Argument(metavar="KEY=VALUE...", help="Options of the app; `KEY=null` sets the default.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file; docs/operate.md describes it.")]
_HELP = """Show or set the options of the installed app, its ports, boot, watchdog and auto-update."""


def register(app: typer.Typer) -> None:
    """Adds the command and its subcommands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)
    group.command("get")(get)
    group.command("set")(takes_host_options(set_options))
    group.command("apply")(takes_host_options(apply))
    app.add_typer(group, name="options")


def get(
    target: Target = "default",
    via: Via = ViaChoice.AUTO,
    accept_new: AcceptNew = False,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
) -> None:
    """Show the settings of the installed app. Passwords are masked."""
    modes = Modes(as_json=json_output, via=via.value, as_name=as_name)
    with open_run("options get", modes, target=target, addon=addon) as opened:
        from bb8deploy.lanes.host_session import Access
        from bb8deploy.lanes.options.options import get_options
        from bb8deploy.plan.app_settings import shown

        look = get_options(opened.run, Access(via.value, accept_new))
        settings = look.settings
        values = {name: shown(name, value, look.hidden) for name, value in settings.options.items()}
        result = {"options": values, "network": dict(settings.network), **settings.flags}
        opened.result.update(slug=look.state.slug, version=look.state.version, **result)
        for key, value in result.items():
            rows = value.items() if isinstance(value, dict) else ()
            for name, item in rows:
                opened.console.text(f"{key}.{name}: {json.dumps(item, ensure_ascii=False)}")
            if not isinstance(value, dict):
                opened.console.text(f"{key}: {json.dumps(value)}")


def set_options(
    host: HostOptions,
    pairs: Pairs,
    target: Target = "default",
    restart: Restart = False,
) -> None:
    """Check options against the app's schema, then set them. Other options do not change.

    Every user of this machine can read a command line: set secrets with `options apply`.
    """
    with open_run("options set", host.modes(), target=target, addon=host.addon, lane="options") as opened:
        from bb8deploy.lanes.verify.app_options import parse_options
        from bb8deploy.plan.app_settings import AppSettings

        _apply(opened, host, AppSettings(options=parse_options(pairs)), restart=restart)


def apply(
    host: HostOptions,
    file: File,
    target: Target = "default",
    restart: Restart = False,
) -> None:
    """Set the settings in a YAML file: options, network, boot, watchdog, auto_update, ingress_panel.

    Settings that the file does not name do not change.
    """
    with open_run("options apply", host.modes(), target=target, addon=host.addon, lane="options") as opened:
        from bb8deploy.lanes.options.options_file import read_options_file

        wanted = read_options_file(file, os.environ)
        opened.console.hidden.extend(wanted.secrets)
        _apply(opened, host, wanted, restart=restart)


def _apply(opened: Opened, host: HostOptions, wanted: AppSettings, *, restart: bool) -> None:
    from bb8deploy.lanes.options.options import apply_options

    outcome = apply_options(
        opened.run,
        wanted,
        access=host.access,
        restart=restart,
        show=lambda found: _show(opened, found),
    )
    opened.result.update(slug=outcome.slug, restarted=outcome.restarted)
    if outcome.changes and not opened.run.dry_run and outcome.running and not outcome.restarted:
        opened.console.note("the app uses the new options from its next start; --restart restarts it")


def _show(opened: Opened, found: Sequence[SettingChange]) -> None:
    opened.result["changes"] = [{"path": one.path, "old": one.old, "new": one.new} for one in found]
    for change in found:
        opened.console.text(str(change))
    if not found:
        opened.console.text("nothing to change")
