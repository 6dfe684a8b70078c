"""Runs one bb8deploy command as a process, and returns its JSON document."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from pathlib import Path

import anyio
from anyio.abc import Process

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.untrusted_json import JsonObject, json_object
from bb8deploy.catalogue.errors.tool import MCP_NO_ANSWER
from bb8deploy.console.console import as_dict

GRACE = 60.0
"""Seconds that a cancelled command has to release the host's lock."""
Tell = Callable[[str], Awaitable[None]]


async def run_command(workspace: Path, words: Sequence[str], tell: Tell) -> JsonObject:
    """The document that the command prints with --json; `tell` gets each of its messages as it comes.

    The command cannot read from the client or write to it. If the call is cancelled, the command gets SIGTERM
    and ends in order. Raises CheckFailed MCP_NO_ANSWER.
    """
    # -P: a file of the workspace must not replace a module of ours.
    command = [sys.executable, "-P", "-m", "bb8deploy", *words, "--json"]
    with tempfile.TemporaryFile() as answer:
        try:
            process = await anyio.open_process(
                command,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                cwd=workspace,
                env={**os.environ, "BB8DEPLOY_PLAIN": "1"},
                start_new_session=True,  # a client that ends our process group leaves the command to us
            )
        except OSError as error:
            raise MCP_NO_ANSWER(f"the command {words[0]} cannot be started: {error.strerror}") from None
        try:
            if process.stderr:
                await _pass_on(process.stderr, tell)
            await process.wait()
        finally:
            await _end(process)
        answer.seek(0)
        return _document(words[0], process.returncode, answer.read())


async def _pass_on(stderr: AsyncIterable[bytes], tell: Tell) -> None:
    """Gives each complete line of the messages to `tell`."""
    rest = b""
    async for part in stderr:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            await tell(line.decode(errors="replace").strip())


async def _end(process: Process) -> None:
    """Waits until the process has ended; asks it to if it still runs."""
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(GRACE, shield=True):
            await process.wait()
    if process.returncode is None:
        process.kill()
        with anyio.CancelScope(shield=True):
            await process.wait()


def _document(name: str, code: int | None, text: bytes) -> JsonObject:
    """The document that the command printed. Raises CheckFailed MCP_NO_ANSWER if it printed none."""
    document = json_object(text.decode(errors="replace"))
    if "exit_code" not in document:
        raise MCP_NO_ANSWER(f"the command {name} ended with exit code {code} and without a JSON document")
    return document


def refusal(error: Bb8Error) -> JsonObject:
    """The answer of a call that runs no command, as the command line has it."""
    return {"verdict": "FAIL", "exit_code": error.exit_code, "error": as_dict(error)}
