"""`bb8deploy sandbox run`: a command against an app that runs on an embedded host, for tests and CI."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.base.yaml_loader import load
from bb8deploy.catalogue.errors.tool import SANDBOX_OPTION_INVALID
from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import Addon, Docker, Quiet

if TYPE_CHECKING:
    from bb8deploy.console.console import Console
    from ha_sandbox.run.conditions import Condition
    from ha_sandbox.sandbox import OpenRuntime

Words = Annotated[list[str], typer.Argument(metavar="COMMAND...", help="The command, after `--`.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Set an option of the app; repeatable."),
]
WaitIdentity = Annotated[
    bool,
    typer.Option("--wait-identity", help="Wait for the identity line of the version, if the app writes one."),
]
WaitLog = Annotated[
    list[str] | None,
    typer.Option("--wait-log", metavar="REGEX", help="Wait for a line of the app's log; repeatable."),
]
WaitPort = Annotated[
    list[str] | None,
    typer.Option("--wait-port", metavar="PORT", help="Wait for a TCP port of the app; repeatable."),
]
WaitHttp = Annotated[
    list[str] | None,
    typer.Option(
        "--wait-http",
        metavar="[PORT]/PATH",
        help="Wait for an answer below status 400, from a port or through ingress; repeatable.",
    ),
]
WaitTopic = Annotated[
    list[str] | None,
    typer.Option("--wait-topic", metavar="TOPIC", help="Wait for a message on an MQTT topic; repeatable."),
]
Wait = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0.1, help="How long to wait, from the app's start."),
]
Logs = Annotated[
    Path | None,
    typer.Option("--logs", metavar="DIR", help="Copy the logs of the app and the Supervisor to this folder."),
]


def run(
    command: Words,
    addon: Addon = None,
    docker: Docker = False,
    option: Options = None,
    wait_identity: WaitIdentity = False,
    wait_log: WaitLog = None,
    wait_port: WaitPort = None,
    wait_http: WaitHttp = None,
    wait_topic: WaitTopic = None,
    wait: Wait = 60.0,
    logs: Logs = None,
    quiet: Quiet = False,
) -> None:
    """Start the app on an embedded host, run a command, and stop everything.

    The app counts as up when every --wait-... condition is met. Without these options, its ingress port and
    each TCP port that it publishes must listen. An app with neither must run for a second and pass its health
    check.

    The command has the host's settings in its environment, SUPERVISOR_URL, SUPERVISOR_TOKEN, SANDBOX_APP (the
    slug), SANDBOX_DATA (the app's /data), SANDBOX_PORT_8080_TCP for each port, SANDBOX_INGRESS_URL and
    SANDBOX_INGRESS_COOKIE. The exit code is that of the command.
    """
    with plain_errors(Modes(quiet=quiet)) as console:
        from bb8deploy.cli.start.sandbox_runtime import runtime_of
        from bb8deploy.workspace.project import find_project
        from ha_sandbox.run.command import need_program
        from ha_sandbox.run.conditions import Asked, conditions_of
        from ha_sandbox.run.source import config_of, need_folder, need_options

        need_program(command)
        need_folder(logs)
        tree = find_project(Path.cwd(), addon=addon).addon
        config, options = config_of(tree), _options(option or ())
        need_options(options, config)
        asked = Asked(wait_identity, wait_log or (), wait_port or (), wait_topic or (), wait_http or ())
        plan = AppStart(tree, options, conditions_of(asked, config), wait, logs)
        with tempfile.TemporaryDirectory(prefix="sandbox-") as root:
            exit_code = _run(console, plan, command, Path(root) / "host", runtime_of(docker=docker))
    raise typer.Exit(exit_code)


@dataclass(frozen=True, slots=True)
class AppStart:
    """What to start, when it counts as up, and where its logs go."""

    tree: Path
    options: Mapping[str, object]
    conditions: tuple[Condition, ...]
    seconds: float
    logs: Path | None


def _run(console: Console, plan: AppStart, command: Sequence[str], root: Path, runtime: OpenRuntime) -> int:
    from ha_sandbox import Sandbox
    from ha_sandbox.run.command import keep_logs, run_command, uninterrupted
    from ha_sandbox.run.wait_until_up import wait_until_up

    box = Sandbox(root, open_runtime=runtime)

    def start() -> None:
        with console.step(f"build and start {plan.tree.name} on the sandbox"):
            box.install(plan.tree, dict(plan.options))

    try:
        box.start()
        wait_until_up(box, plan.conditions, plan.seconds, start, console.step)
        return run_command(box, command)
    finally:
        with uninterrupted():
            box.stop()
            if plan.logs is not None:
                keep_logs(box, plan.logs)


def _options(texts: Sequence[str]) -> dict[str, object]:
    """The app's options from NAME=VALUE words with YAML values."""
    import yaml

    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            found[name] = load(value)
        except yaml.YAMLError as error:
            raise SANDBOX_OPTION_INVALID(f"--option {name} has a value that is not YAML") from error
        if not name or not equals:
            raise SANDBOX_OPTION_INVALID(f"--option `{text}` is not NAME=VALUE")
    return found
