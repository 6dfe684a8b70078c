"""`bb8deploy config`: every setting with its value and where it comes from."""

from __future__ import annotations

from pathlib import Path

import typer

from bb8deploy.base.secret import MASK
from bb8deploy.cli.open_run import Modes, load_settings, plain_errors
from bb8deploy.cli.shared_options import Addon, AsJson, Target
from bb8deploy.settings.settings_table import KEYS, Key
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.project import find_project


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(config)


def config(target: Target = "default", addon: Addon = None, json_output: AsJson = False) -> None:
    """Show each setting with its value and origin. Secrets are masked."""
    with plain_errors(Modes(as_json=json_output), target=target, addon=addon) as console:
        settings = load_settings(find_project(Path.cwd(), addon=addon), target, console)
        rows = [(key.name, _shown(key, settings), settings.origin_of(key)) for key in KEYS]
        if json_output:
            console.document({name: {"value": value, "origin": origin} for name, value, origin in rows})
        console.table(f"Settings of target `{target}`", ("setting", "value", "origin"), rows)


def _shown(key: Key, settings: Settings) -> str:
    text = settings.text_of(key)
    return MASK if key.secret and text else text
