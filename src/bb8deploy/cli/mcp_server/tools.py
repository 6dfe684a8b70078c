"""The tools that an MCP client gets, and what a call of one of them asks for: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bb8deploy.base.errors import UsageError
from bb8deploy.base.os_differences import real_path
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.host import HAND_EDITED
from bb8deploy.catalogue.errors.tool import MCP_INPUT_INVALID, MCP_TOOL_UNKNOWN
from bb8deploy.cli.mcp_server.tool_inputs import (
    DeployInput,
    DiagnoseInput,
    LogsInput,
    PlanInput,
    RollbackInput,
    StatusInput,
    ToolInput,
    ValidateInput,
)


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool: its input, its description, and whether it leaves the host and the app as they are."""

    name: str
    takes: type[ToolInput]
    description: str
    read_only: bool = True


TOOLS: Mapping[str, ToolDefinition] = {
    tool.name: tool
    for tool in (
        ToolDefinition(
            "validate", ValidateInput, "Checks the app as the Supervisor would, and runs its tests."
        ),
        ToolDefinition("plan", PlanInput, "Shows what a deploy would do on the host. Changes nothing."),
        ToolDefinition(
            "deploy",
            DeployInput,
            "Sends the app to the host, builds and starts it, and verifies what runs. If the new version"
            " cannot be verified, the earlier one is restored. VERIFY_OK in `tokens` is the proof.",
            read_only=False,
        ),
        ToolDefinition("status", StatusInput, "Shows the versions here, on the host, running and published."),
        ToolDefinition("logs", LogsInput, "Shows the log of the app or of the Supervisor."),
        ToolDefinition(
            "diagnose", DiagnoseInput, "Checks settings, host, Supervisor, app and broker. Changes nothing."
        ),
        ToolDefinition(
            "rollback",
            RollbackInput,
            "Runs an earlier version again and verifies it. ROLLBACK_OK in `tokens` is the proof.",
            read_only=False,
        ),
    )
}
OVERWRITE_EDITS: JsonObject = {
    "field": "confirm.overwrite_tree",
    "value": "result.previous_tree of the tool `plan`",
    "confirms": "the files that were edited on the host are overwritten",
}
"""What `deploy` needs if files were edited on the host; on the command line that is `--yes`."""


def command_of(workspace: Path, name: str, arguments: Mapping[str, object]) -> list[str]:
    """The command line of a call. Raises UsageError MCP_TOOL_UNKNOWN or MCP_INPUT_INVALID."""
    tool = TOOLS.get(name)
    if tool is None:
        raise MCP_TOOL_UNKNOWN(f"there is no tool `{name}`", f"Use one of: {', '.join(TOOLS)}.")
    try:
        given = tool.takes.model_validate(arguments)
    except ValidationError as error:
        raise _invalid(name, error) from None
    if given.addon and not real_path(workspace / given.addon).is_relative_to(real_path(workspace)):
        raise MCP_INPUT_INVALID(f"{name}: addon: the folder is outside of the workspace")
    return given.words()


def _invalid(name: str, error: ValidationError) -> UsageError:
    """The first fault as the cause, all of them as details; without the values, which may be secrets."""
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'input'}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return MCP_INPUT_INVALID(f"{name}: {faults[0]}", details=faults if len(faults) > 1 else ())


def with_confirmation(document: JsonObject) -> JsonObject:
    """The answer of a command, with the field that would confirm what it refused."""
    error = document.get("error")
    if isinstance(error, Mapping) and error.get("code") == HAND_EDITED.code:
        return {**document, "confirmation": OVERWRITE_EDITS}
    return document
