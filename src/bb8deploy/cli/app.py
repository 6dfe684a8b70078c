"""The command line as a whole: which commands there are and the story that --help tells."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from bb8deploy.cli.examples import epilog

STORY = """Takes a Home Assistant add-on from the workspace to a running, verified container.

Four lanes, each believing only what it has seen:

\b
  1. validate   structure, the Supervisor's rules, the add-on's tests
  2. sync       copy the add-on to the host, by ssh or mount, and hash it again there
  3. verify     reload, build, start; the running add-on must report this very content
  4. publish    add-on repository, tag, image, each read back

`release patch` runs all of them, `deploy` runs sync and verify. Tokens (`TOKEN: NAME`) go to stdout and
to reports/; messages go to stderr. `bb8deploy demo` shows it all without any Home Assistant.

The settings are those of `bb8deploy config`. Beside them, BB8DEPLOY_PLAIN=1 writes plain lines for screen
readers, NO_COLOR=1 leaves the colours out, BB8DEPLOY_CACHE names the folder of the cache, and
BB8DEPLOY_DEBUG=1 shows where a defect happened.
"""

START = """bb8deploy takes a Home Assistant app (add-on) from its repository to a running, verified container.

There is no app in {folder} or above it. To start:

  bb8deploy demo                  watch a whole release of a sample app on this machine; about a minute
  bb8deploy validate --addon DIR  check the folder of any app
  bb8deploy init                  in your app's repository: find the host and write the settings
  bb8deploy --help                all commands
"""

# Command to module, in the order in which --help shows them; each module has `register(app)`.
COMMANDS = {
    "release": "ship.release",
    "deploy": "ship.deploy",
    "validate": "lanes.validate",
    "sync": "lanes.sync",
    "verify": "lanes.verify",
    "publish": "lanes.publish",
    "attest": "lanes.attest",
    "rollback": "ship.rollback",
    "diagnose": "operate.diagnose",
    "status": "operate.status",
    "logs": "operate.logs",
    "report": "operate.report",
    "init": "start.init",
    "config": "tools.config",
    "demo": "start.demo",
    "sandbox": "start.sandbox",
    "schema": "tools.schema",
    "rules": "tools.rules",
    "explain": "tools.explain",
    "verify_evidence": "tools.verify_evidence",
}


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The Typer application with the named commands, each by its name in COMMANDS."""
    app = typer.Typer(
        name="bb8deploy",
        help=STORY,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in names:
        importlib.import_module(f"bb8deploy.cli.{COMMANDS[name]}").register(app)
    for command in app.registered_commands:
        command.epilog = epilog(command.name or str(getattr(command.callback, "__name__", "")))
        command.short_help = _first_sentence(command.callback.__doc__ or "" if command.callback else "")
    return app


def run() -> None:
    """Runs the command line; a command that is named at once is the only one imported."""
    if len(sys.argv) == 1 and _start_here():
        return
    asked = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    build([asked] if asked in COMMANDS else COMMANDS)(prog_name="bb8deploy")


def _start_here() -> bool:
    """Outside of a workspace, explains how to start; False inside of one."""
    from bb8deploy.base.errors import UsageError
    from bb8deploy.workspace.project import find_project

    try:
        find_project(Path.cwd())
    except UsageError as error:
        if error.code != "WORKSPACE_NOT_FOUND":
            return False
        from bb8deploy.console import Console

        Console().text(START.format(folder=Path.cwd()).rstrip())
        return True
    return False


def _first_sentence(text: str) -> str:
    """Whole, where the list of commands would otherwise cut it off after some words."""
    return " ".join(text.split("\n\n", 1)[0].split())


def _root(
    version: bool = typer.Option(False, "--version", help="Show the version and exit.", is_eager=True),
) -> None:
    if version:
        from bb8deploy import __version__
        from bb8deploy.console import Console

        Console().text(f"bb8deploy {__version__}")
        raise typer.Exit
