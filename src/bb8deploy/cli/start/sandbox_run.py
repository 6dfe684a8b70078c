"""`bb8deploy sandbox run`: a command against an app that runs on an embedded host, for tests and CI."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.base.yaml_loader import load
from bb8deploy.catalogue.errors.tool import SANDBOX_OPTION_INVALID
from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import Addon, Docker, Quiet

if TYPE_CHECKING:
    from ha_sandbox.run_with_app import Readiness

Words = Annotated[list[str], typer.Argument(metavar="COMMAND...", help="The command, after `--`.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Set an option of the app; repeatable."),
]
WaitLog = Annotated[
    str, typer.Option("--wait-log", metavar="REGEX", help="Wait for a line of the app's log.")
]
WaitTopic = Annotated[
    str, typer.Option("--wait-topic", metavar="TOPIC", help="Wait for a message on an MQTT topic.")
]
Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", help="How long to wait for the app to start.")
]
Logs = Annotated[
    Path | None, typer.Option("--logs", metavar="DIR", help="Copy the logs of app and Supervisor there.")
]


def run(
    command: Words,
    addon: Addon = None,
    docker: Docker = False,
    option: Options = None,
    wait_log: WaitLog = "",
    wait_topic: WaitTopic = "",
    wait: Wait = 60.0,
    logs: Logs = None,
    quiet: Quiet = False,
) -> None:
    """Start the app on an embedded host, run a command, and stop everything.

    The command has the host's settings in its environment, and SUPERVISOR_URL, SUPERVISOR_TOKEN,
    SANDBOX_APP (the slug) and SANDBOX_DATA (the app's /data). The exit code is that of the command.
    """
    with plain_errors(Modes(quiet=quiet)) as console:
        from bb8deploy.cli.start.sandbox_runtime import runtime_of
        from bb8deploy.workspace.project import find_project
        from ha_sandbox import Sandbox, run_with_app

        tree = find_project(Path.cwd(), addon=addon).addon
        readiness = _readiness(wait_log, wait_topic, wait)
        options = _options(option or ())
        with (
            tempfile.TemporaryDirectory(prefix="sandbox-") as root,
            Sandbox(Path(root) / "host", open_runtime=runtime_of(docker=docker)) as box,
        ):
            try:
                with console.step(f"start {tree.name} on the sandbox"):
                    run_with_app.wait_until_up(box, readiness, lambda: box.install(tree, options))
                exit_code = run_with_app.run_command(box, command)
            finally:
                if logs is not None:
                    run_with_app.keep_logs(box, logs)
    raise typer.Exit(exit_code)


def _readiness(log: str, topic: str, seconds: float) -> Readiness:
    from ha_sandbox.run_with_app import Readiness

    try:
        pattern = re.compile(log, re.MULTILINE) if log else None
    except re.error as error:
        raise SANDBOX_OPTION_INVALID(f"--wait-log `{log}` is not a regular expression: {error}") from error
    return Readiness(log=pattern, topic=topic, deadline=seconds)


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
