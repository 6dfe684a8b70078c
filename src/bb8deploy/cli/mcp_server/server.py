"""The MCP server: lists the tools, and answers each call with the JSON of a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import mcp.types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from bb8deploy import __version__
from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.cli.mcp_server.run_command import Tell, refusal, run_command
from bb8deploy.cli.mcp_server.tools import TOOLS, ToolDefinition, command_of, with_confirmation
from bb8deploy.runs.run import defect

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext

INSTRUCTIONS = """Deploys a Home Assistant app (add-on) from one workspace and verifies what runs.
Call `plan` before `deploy`. A token in `tokens` is a fact that this run observed; without VERIFY_OK nothing
is proven. If a call fails, `error` has the cause and the remedy. If an answer has `confirmation`, ask the
user first, then call again with that field."""
ANSWER_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["verdict", "exit_code"],
    "properties": {
        "verdict": {"enum": ["PASS", "FAIL"]},
        "exit_code": {"type": "integer"},
        "run_id": {"type": ["string", "null"]},
        "command": {"type": ["string", "null"]},
        "tokens": {"type": "array", "items": {"type": "object"}},
        "skipped": {"type": "array", "items": {"type": "object"}},
        "drift": {"type": "array", "items": {"type": "object"}},
        "findings": {"type": "array", "items": {"type": "object"}},
        "result": {"type": "object"},
        "error": {
            "type": ["object", "null"],
            "required": ["code", "cause", "remedy"],
            "properties": {name: {"type": "string"} for name in ("code", "cause", "remedy")},
        },
        "confirmation": {"type": "object"},
    },
}
"""The document that every command prints with --json."""


def serve(workspace: Path) -> None:
    """Serves the tools for the workspace over stdin and stdout, until stdin is closed."""
    anyio.run(_serve, workspace)


async def _serve(workspace: Path) -> None:
    async def list_tools(_context: ServerRequestContext, _page: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])

    async def call_tool(
        context: ServerRequestContext, call: types.CallToolRequestParams
    ) -> types.CallToolResult:
        return _result(await answer(workspace, call.name, call.arguments or {}, _progress(context)))

    server = Server(
        "bb8deploy",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def answer(workspace: Path, name: str, arguments: JsonObject, tell: Tell) -> JsonObject:
    """The answer of one call: the command's document, or what is wrong with the call."""
    try:
        words = command_of(workspace, name, arguments)
        return with_confirmation(await run_command(workspace, words, tell))
    except Bb8Error as error:
        return refusal(error)
    except Exception as problem:  # noqa: BLE001 - the client gets one error, never a traceback
        return refusal(defect(problem, None))


def _described(tool: ToolDefinition) -> types.Tool:
    hints = types.ToolAnnotations(read_only_hint=tool.read_only, destructive_hint=not tool.read_only)
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.takes.model_json_schema(),
        output_schema=ANSWER_SCHEMA,
        annotations=hints,
    )


def _result(document: JsonObject) -> types.CallToolResult:
    text = json.dumps(document, ensure_ascii=False)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=document,
        is_error=document["exit_code"] != 0,
    )


def _progress(context: ServerRequestContext) -> Tell:
    """Reports each message of the command as progress, if the client asked for it."""
    count = 0

    async def tell(message: str) -> None:
        nonlocal count
        count += 1
        await context.session.report_progress(count, message=message)

    return tell
