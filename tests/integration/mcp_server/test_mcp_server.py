"""A scripted client works through `bb8deploy mcp` over stdio, from an edit to a rollback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import Lab, command, config, environment
from tests.integration.mcp_server.conftest import PASSWORD
from tests.integration.witness import runtime

# Found, not imported: each worker collects this module, and the import takes longer than most tests.
pytestmark = pytest.mark.skipif(
    find_spec("mcp") is None, reason="SKIPPED: mcp comes with requirements-dev.lock"
)
DEADLINE = 150.0  # seconds


@dataclass
class ScriptedClient:
    """A client of the server; it keeps every answer and every message."""

    client: Any
    heard: list[str] = field(default_factory=list)

    async def call(self, name: str, *, fails: str = "", **arguments: Any) -> dict[str, Any]:
        """The answer of a tool, which is one of a success, or has the error code `fails`."""
        done = await self.client.call_tool(
            name, arguments, read_timeout_seconds=DEADLINE, progress_callback=self._progress
        )
        document: dict[str, Any] = done.structured_content
        assert json.loads(done.content[0].text) == document
        self.heard.append(done.content[0].text)
        assert done.is_error == (document["exit_code"] != 0)
        error = document.get("error") or {}
        assert error.get("code", "") == fails
        assert not fails or (error["cause"] and error["remedy"])
        return document

    async def _progress(self, _count: float, _total: float | None, message: str | None) -> None:
        self.heard.append(message or "")


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[ScriptedClient]:
    """A client and its server, which works in `folder`."""
    from mcp.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "bb8deploy", "mcp", "--workspace", str(folder)],
        env=environment(),
        cwd="/",
    )
    async with Client(stdio_client(server)) as client:
        yield ScriptedClient(client)


def tokens(document: dict[str, Any]) -> set[str]:
    return {token["name"] for token in document["tokens"]}


async def test_a_client_goes_from_an_edit_to_a_rollback(lab: Lab) -> None:
    on_host = runtime(lab) / "run.sh"
    async with connected(lab.folder) as scripted:
        await scripted.call("validate", run_tests=False)
        assert "would install" in str((await scripted.call("plan"))["result"]["preview"])
        assert "VERIFY_OK" in tokens(await scripted.call("deploy"))

        lab.write(config=config("1.0.1"))
        planned = await scripted.call("plan", diff=True)
        assert '+version: "1.0.1"' in str(planned["result"]["diffs"])
        assert tokens(planned) == set()
        assert "VERIFY_OK" in tokens(await scripted.call("deploy"))
        logged = await scripted.call("logs", lines=1000)
        assert any("IDENTITY version=1.0.1" in line for line in logged["result"]["lines"])

        back = await scripted.call("rollback")
        assert "ROLLBACK_OK" in tokens(back)
        assert (back["result"]["version"], lab.state()["version"]) == ("1.0.0", "1.0.0")

        # A person edits the app on the host: nothing is overwritten before the very edit is confirmed.
        on_host.write_text(mine := on_host.read_text() + "# mine\n")
        refused = await scripted.call("deploy", fails="HAND_EDITED")
        assert refused["confirmation"]["field"] == "confirm.overwrite_tree"
        seen = (await scripted.call("plan"))["result"]["previous_tree"]
        on_host.write_text(mine + "# more\n")
        await scripted.call("deploy", fails="HAND_EDITED", confirm={"overwrite_tree": seen})
        assert on_host.read_text() == mine + "# more\n"
        on_host.write_text(mine)
        assert "VERIFY_OK" in tokens(await scripted.call("deploy", confirm={"overwrite_tree": seen}))
        assert on_host.read_text() == (lab.addon / "run.sh").read_text()

        places = (await scripted.call("status"))["result"]["places"]
        assert {place["name"] for place in places} >= {"here", "host", "running"}
        checks = (await scripted.call("diagnose"))["result"]["checks"]
        assert any(check["level"] == "ok" for check in checks), checks
    said = "\n".join(scripted.heard)
    assert lab.environ["HA_LLAT"] not in said
    assert PASSWORD not in said


async def test_bad_input_is_one_clear_error_and_the_server_goes_on(tmp_path: Path) -> None:
    async with connected(tmp_path) as scripted:
        listed = (await scripted.client.list_tools()).tools
        named = [tool.name for tool in listed]
        assert named == ["validate", "plan", "deploy", "status", "logs", "diagnose", "rollback"]
        destructive = {tool.name for tool in listed if tool.annotations.destructive_hint}
        assert destructive == {"deploy", "rollback"}
        unknown = await scripted.call("format_disk", fails="MCP_TOOL_UNKNOWN")
        assert unknown["error"]["remedy"] == f"Use one of: {', '.join(named)}."
        await scripted.call("logs", fails="MCP_INPUT_INVALID", lines="many")
        await scripted.call("deploy", fails="MCP_INPUT_INVALID", confirm="yes")
        await scripted.call("status", fails="WORKSPACE_NOT_FOUND")


def test_stdout_has_messages_of_the_protocol_and_nothing_else(tmp_path: Path) -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    asked = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "validate", "arguments": {}}},
    ]
    lines = [json.dumps({"jsonrpc": "2.0", **message}) for message in asked]
    with subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", "mcp", "--workspace", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as server:
        assert server.stdin
        assert server.stdout
        print("not JSON", *lines, sep="\n", file=server.stdin, flush=True)
        answers = []
        while not any(one.get("id") == 2 for one in answers):
            answers.append(json.loads(server.stdout.readline()))
        server.stdin.close()
        assert server.stdout.read() == ""
        assert server.wait(DEADLINE) == 0
    (result,) = [one["result"] for one in answers if one.get("id") == 2]
    assert result["structuredContent"]["error"]["code"] == "WORKSPACE_NOT_FOUND"


def test_a_workspace_that_is_no_folder_is_refused(lab: Lab) -> None:
    done = command(lab, "mcp", "--workspace", str(lab.folder / "nowhere"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error MCP_NO_FOLDER: ")


def test_without_the_extra_the_command_names_it(lab: Lab) -> None:
    program = (
        "import importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'mcp' else real(name, *more)\n"
        "sys.argv = ['bb8deploy', 'mcp']\n"
        "from bb8deploy.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=lab.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error MCP_MISSING: ")
    assert "pip install 'bb8deploy[mcp]'" in done.stderr
