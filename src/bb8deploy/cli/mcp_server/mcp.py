"""`bb8deploy mcp`: serves commands of this workspace as tools of the Model Context Protocol."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from bb8deploy.catalogue.errors.tool import MCP_MISSING, MCP_NO_FOLDER
from bb8deploy.cli.open_run import Modes, plain_errors

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="The workspace of the tools. Default: this folder."),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(mcp)


def mcp(workspace: Workspace = None) -> None:
    """Serve commands as tools to an MCP client, such as an AI assistant, over stdin and stdout.

    The tools are validate, plan, deploy, status, logs, diagnose and rollback. They answer with the JSON of
    the commands, and work on this workspace only. A call that a person would have to confirm needs a field
    that names what is confirmed. The command needs the extra `mcp`; docs/mcp.md describes the tools.
    """
    with plain_errors(Modes(quiet=True)):
        if importlib.util.find_spec("mcp") is None:
            raise MCP_MISSING("the package mcp is not installed")
        folder = (workspace or Path.cwd()).expanduser().absolute()
        if not folder.is_dir():
            raise MCP_NO_FOLDER(f"{folder} is not a folder")
        from bb8deploy.cli.mcp_server.server import serve

        serve(folder)
