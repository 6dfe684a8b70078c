"""The tools of `bb8deploy mcp`: their inputs, the command line of a call, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.cli.mcp_server.tools import OVERWRITE_EDITS, TOOLS, command_of, with_confirmation

TREE = f"sha256:{'a' * 64}"
CALLS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("validate", {}, ["validate"]),
    ("validate", {"run_tests": False, "addon": "addon"}, ["validate", "--addon=addon", "--no-tests"]),
    ("plan", {"diff": True}, ["deploy", "--dry-run", "--diff"]),
    ("plan", {"target": "kitchen", "instance": None}, ["deploy", "--dry-run", "--target=kitchen"]),
    ("deploy", {}, ["deploy"]),
    ("deploy", {"backup": True, "resume": True}, ["deploy", "--backup", "--resume"]),
    ("deploy", {"confirm": {}}, ["deploy"]),
    ("deploy", {"confirm": {"overwrite_tree": TREE}}, ["deploy", f"--overwrite-tree={TREE}"]),
    ("status", {"instance": "beta"}, ["status", "--as=beta"]),
    ("logs", {"lines": 7, "source": "supervisor"}, ["logs", "--lines=7", "--supervisor"]),
    ("diagnose", {"target": "kitchen"}, ["diagnose", "--target=kitchen"]),
    ("rollback", {"version": "1.0.0", "dry_run": True}, ["rollback", "--dry-run", "1.0.0"]),
]


@pytest.mark.parametrize(("name", "arguments", "words"), CALLS)
def test_a_call_is_one_command_line(
    tmp_path: Path, name: str, arguments: dict[str, Any], words: list[str]
) -> None:
    found = command_of(tmp_path, name, arguments)
    assert [found[0], *sorted(found[1:])] == [words[0], *sorted(words[1:])]


def test_the_command_line_accepts_each_call() -> None:
    from typer.main import get_command

    from bb8deploy.cli.command_groups import build

    group: Any = get_command(build())
    for name, arguments, _ in CALLS:
        words = command_of(Path.cwd(), name, arguments)
        group.commands[words[0]].make_context(words[0], [*words[1:], "--json"])


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("validate", {"run_tests": "yes"}, "validate: run_tests: input should be a valid boolean"),
    ("validate", {"addon": "../other"}, "validate: addon: the folder is outside of the workspace"),
    ("validate", {"addon": "--fix"}, "validate: addon: "),
    ("validate", {"addon": "/etc"}, "validate: addon: "),
    ("deploy", {"yes": True}, "deploy: yes: extra inputs are not permitted"),
    ("deploy", {"confirm": True}, "deploy: confirm: "),
    ("deploy", {"confirm": {"overwrite_tree": True}}, "deploy: confirm.overwrite_tree: "),
    ("deploy", {"confirm": {"overwrite_tree": "all"}}, "deploy: confirm.overwrite_tree: "),
    ("deploy", {"confirm": {"everything": True}}, "deploy: confirm.everything: "),
    ("logs", {"lines": "7"}, "logs: lines: input should be a valid integer"),
    ("logs", {"lines": 1}, "logs: lines: "),
    ("logs", {"source": "core"}, "logs: source: "),
    ("status", {"target": "../../etc/x"}, "status: target: "),
    ("rollback", {"version": "--list"}, "rollback: version: "),
]


@pytest.mark.parametrize(("name", "arguments", "cause"), BAD)
def test_a_bad_input_is_one_error_of_the_catalogue(
    tmp_path: Path, name: str, arguments: dict[str, Any], cause: str
) -> None:
    with pytest.raises(UsageError) as caught:
        command_of(tmp_path, name, arguments)
    assert caught.value.code == "MCP_INPUT_INVALID"
    assert caught.value.cause.startswith(cause)
    assert caught.value.remedy == "Send the fields of the tool's input schema."


def test_every_fault_is_named_and_no_value() -> None:
    with pytest.raises(UsageError) as caught:
        command_of(Path.cwd(), "logs", {"lines": "hunter2", "target": "hunter 2"})
    assert [line.split(":")[0] for line in caught.value.details] == ["target", "lines"]
    assert "hunter" not in f"{caught.value.cause} {caught.value.details}"


def test_an_unknown_tool_is_an_error_that_lists_the_tools() -> None:
    with pytest.raises(UsageError) as caught:
        command_of(Path.cwd(), "remove", {})
    assert caught.value.code == "MCP_TOOL_UNKNOWN"
    assert caught.value.remedy == f"Use one of: {', '.join(TOOLS)}."


def test_a_link_out_of_the_workspace_is_outside(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "app").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="outside"):
        command_of(tmp_path / "work", "validate", {"addon": "app"})


def test_only_a_refusal_for_edits_names_the_field_that_confirms() -> None:
    refused = {"exit_code": 1, "error": {"code": "HAND_EDITED"}}
    assert with_confirmation(refused) == {**refused, "confirmation": OVERWRITE_EDITS}
    for error in (None, {"code": "HOST_KEY_UNKNOWN"}):
        assert with_confirmation({"error": error}) == {"error": error}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=list(TOOLS))
def test_every_field_is_described_and_nothing_else_is_allowed(tool: Any) -> None:
    schema = tool.takes.model_json_schema()
    assert schema["additionalProperties"] is False
    assert all(field.get("description") for field in schema["properties"].values())
    assert not schema.get("required")
