"""A tool's command runs as a process of its own: its answer, its messages, its end."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.cli.mcp_server.run_command import run_command

DEADLINE = 60.0  # seconds


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program that runs in place of Python; a test writes its text."""
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    return path


def writes(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")


async def ignore(_message: str) -> None:
    pass


async def test_the_document_is_the_answer_and_the_messages_are_progress(
    program: Path, tmp_path: Path
) -> None:
    writes(program, 'echo "  done: one" >&2; echo "$@" >&2; cat; echo "{\\"exit_code\\": 0}"')
    messages: list[str] = []

    async def tell(message: str) -> None:
        messages.append(message)

    with anyio.fail_after(DEADLINE):
        assert await run_command(tmp_path, ["status", "--as=x"], tell) == {"exit_code": 0}
    assert messages == ["done: one", "-P -m bb8deploy status --as=x --json"]


@pytest.mark.parametrize("text", ["exit 9", "echo '[]'", "echo not JSON; exit 9", "kill -9 $$"])
async def test_a_command_without_a_document_is_an_error(program: Path, tmp_path: Path, text: str) -> None:
    writes(program, text)
    with anyio.fail_after(DEADLINE), pytest.raises(CheckFailed) as caught:
        await run_command(tmp_path, ["status"], ignore)
    assert caught.value.code == "MCP_NO_ANSWER"


async def test_a_workspace_that_is_gone_is_an_error(program: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="cannot be started") as caught:
        await run_command(tmp_path / "gone", ["status"], ignore)
    assert caught.value.code == "MCP_NO_ANSWER"


async def test_a_cancelled_call_ends_the_command_in_order(program: Path, tmp_path: Path) -> None:
    """The command gets SIGTERM and the time to release the host's lock."""
    ended = tmp_path / "ended"
    writes(program, f"trap 'echo yes > {ended}; exit 130' TERM\necho ready >&2\nwhile :; do sleep 0.1; done")
    with anyio.CancelScope() as scope:

        async def tell(_message: str) -> None:
            scope.cancel()

        with anyio.fail_after(DEADLINE):
            await run_command(tmp_path, ["deploy"], tell)
    assert scope.cancelled_caught
    assert ended.read_text() == "yes\n"
