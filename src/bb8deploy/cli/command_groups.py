"""The command line as a whole: the commands in their groups, --help, and a wrong command line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from bb8deploy.cli.help_examples import epilog

STORY = """Deploys a Home Assistant app from your workspace to a running, verified container.

\b
Four lanes, each checked by reading back the result:
  1. validate   structure, the Supervisor's rules, the app's tests
  2. sync       copy the app to the host by ssh or mount, and hash it there
  3. verify     reload, build, start; the running app reports what it runs
  4. publish    push to a store, tag, push images

Results and tokens (`TOKEN: NAME`) go to stdout and to reports/, messages to
stderr. `bb8deploy demo` shows everything without Home Assistant.
"""
ENVIRONMENT = """\b
Environment: the settings of `bb8deploy config`, and
  BB8DEPLOY_PLAIN=1    plain lines, for screen readers
  NO_COLOR=1           no colors
  BB8DEPLOY_CACHE=DIR  the cache folder
  BB8DEPLOY_DEBUG=1    show the traceback of a defect
"""

START = """bb8deploy takes a Home Assistant app (add-on) from its repository to a running, verified container.

There is no app in {folder} or above it. To start:

  bb8deploy new NAME              write a new app that validates, with tests and a store
  bb8deploy demo                  watch a whole release of a sample app on this machine; about a minute
  bb8deploy validate --addon DIR  check the folder of any app
  bb8deploy init                  in your app's repository: find the host and write the settings
  bb8deploy --help                all commands
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its module below bb8deploy.cli, which has `register(app)`, and its line in --help."""

    module: str
    summary: str


# The groups and commands in the order of --help.
GROUPS: Mapping[str, Mapping[str, Command]] = {
    "Start": {
        "new": Command("start.new", "Write a new app that validates, with tests and a store"),
        "init": Command("start.init", "Ask for the host, check each answer and write .env"),
        "demo": Command("start.demo", "Release the app to a host on this machine"),
        "sandbox": Command("start.sandbox", "Start or stop a Home Assistant host on this machine"),
    },
    "Lanes": {
        "validate": Command("lanes.validate", "Check the app as the Supervisor would, and run its tests"),
        "sync": Command("lanes.sync", "Copy the app to the host and hash it again there"),
        "verify": Command("lanes.verify", "Install or update the app and check what runs"),
        "publish": Command("lanes.publish", "Push the app and its tag to a store, and read them back"),
    },
    "Deploy and release": {
        "deploy": Command("ship.deploy", "Sync and verify; roll back if verify fails"),
        "release": Command("ship.release", "Validate, bump, deploy, attest, publish and tag"),
        "rollback": Command("ship.rollback", "Run an earlier version again and verify it"),
    },
    "Operate": {
        "dev": Command("operate.dev", "Bring each save into the running app, proven within a second"),
        "status": Command("operate.status", "Show the versions here, on the host and published"),
        "diagnose": Command("operate.diagnose", "Check settings, host, Supervisor, app, broker and robot"),
        "logs": Command("operate.logs", "Show the log of the app or of the Supervisor"),
        "unlock": Command("operate.unlock", "Show who holds the host's lock, and remove it"),
        "test": Command("operate.test", "Run the app's tests, or smoke checks of the running app"),
        "attest": Command("lanes.attest", "Measure the echo of the running app over MQTT"),
        "options": Command("manage.options", "Show or set the app's options, ports, boot and watchdog"),
        "pull": Command("manage.pull", "Bring edits made on the host into the workspace"),
        "history": Command("manage.history", "Show who deployed what and when, by the hosts' receipts"),
        "remove": Command("manage.remove", "Uninstall the app and remove its files from the host"),
        "report": Command("operate.report", "Write an HTML page about a run"),
    },
    "Tools": {
        "config": Command("tools.config", "Show each setting with its value and origin"),
        "explain": Command("tools.explain", "Explain an error or finding, or list all codes"),
        "rules": Command("tools.rules", "List the rules of validate"),
        "migrate": Command("tools.migrate", "Bring apps up to date: build files, deprecated words"),
        "schema": Command("tools.schema", "Print a JSON Schema"),
        "mcp": Command("mcp_server.mcp", "Serve commands as tools to an MCP client, over stdio"),
        "verify_evidence": Command("tools.verify_evidence", "Check the files of a run against its manifest"),
    },
}
COMMANDS: Mapping[str, Command] = {
    name: command for group in GROUPS.values() for name, command in group.items()
}
# Typer has its own copy of click's classes; this is the base of all errors of a wrong command line.
_WrongCommandLine: Any = typer.BadParameter.__mro__[1]


class Grouped(TyperGroup):
    """The root command, which lists its commands in groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as the base class has it
        """Writes one section for each group."""
        for title, group in GROUPS.items():
            rows = [(name.replace("_", "-"), command.summary) for name, command in group.items()]
            with formatter.section(title):
                formatter.write_dl([row for row in rows if row[0] in self.commands])


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The Typer application with the named commands, each by its name in COMMANDS."""
    app = typer.Typer(
        name="bb8deploy",
        cls=Grouped,
        help=STORY,
        epilog=ENVIRONMENT,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    )
    app.callback()(_root)
    for name in names:
        importlib.import_module(f"bb8deploy.cli.{COMMANDS[name].module}").register(app)
    for command in app.registered_commands:
        command.epilog = epilog(command.name or str(getattr(command.callback, "__name__", "")))
    return app


def run() -> None:
    """Runs the command line. If the first word is a command, only that command is imported."""
    if len(sys.argv) == 1 and "_BB8DEPLOY_COMPLETE" not in os.environ and _start_here():
        return
    asked = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    command = typer.main.get_command(build([asked] if asked in COMMANDS else COMMANDS))
    try:
        code = command.main(prog_name="bb8deploy", standalone_mode=False)
    except _WrongCommandLine as error:
        code = _wrong(error)
    except typer.Abort:
        raise KeyboardInterrupt from None
    sys.exit(code if isinstance(code, int) else 0)


def _start_here() -> bool:
    """Outside of a workspace, explains how to start; False inside of one."""
    from bb8deploy.base.errors import UsageError
    from bb8deploy.catalogue.errors.workspace import WORKSPACE_NOT_FOUND
    from bb8deploy.workspace.project import find_project

    try:
        find_project(Path.cwd())
    except UsageError as error:
        if error.code != WORKSPACE_NOT_FOUND.code:
            return False
        from bb8deploy.console.console import Console

        Console().text(START.format(folder=Path.cwd()).rstrip())
        return True
    return False


_NOISE = "Value error, "
"""What pydantic writes before the words of a ValueError."""


def _wrong(error: Any) -> int:
    """Prints what is wrong with the command line, as every other error; no words at all show the help."""
    from bb8deploy.catalogue.errors.tool import USAGE_INVALID
    from bb8deploy.cli.open_run import tell
    from bb8deploy.console.console import Console

    if len(sys.argv) == 1 or type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    said = error.format_message().strip().rstrip(".").replace(_NOISE, "")
    path = error.ctx.command_path if error.ctx else "bb8deploy"
    problem = USAGE_INVALID(said[:1].lower() + said[1:], f"Run `{path} --help` for its options.")
    return tell(problem, Console(as_json="--json" in sys.argv[1:]))


def _root(
    version: bool = typer.Option(False, "--version", help="Show the version and exit.", is_eager=True),
) -> None:
    if version:
        from bb8deploy import __version__
        from bb8deploy.console.console import Console

        Console().text(f"bb8deploy {__version__}")
        raise typer.Exit
