"""Every command that a message names carries the target and the options of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bb8deploy.cli.command_groups import COMMANDS, build
from bb8deploy.cli.suggested_commands import TAKES, carrier, options_of
from bb8deploy.settings.target_groups import TAKE_GROUPS

KITCHEN = options_of(["kitchen"], Path("../my app"), "mount")


@pytest.mark.parametrize(
    ("said", "carried"),
    [
        ("Run `bb8deploy config`.", "Run `bb8deploy config --target kitchen --addon '../my app'`."),
        (
            "Run `bb8deploy deploy --resume`.",
            "Run `bb8deploy deploy --resume --target kitchen --addon '../my app' --via mount`.",
        ),
        (
            "`bb8deploy deploy --target attic` or `bb8deploy explain CODE`",
            "`bb8deploy deploy --target attic --addon '../my app' --via mount` or `bb8deploy explain CODE`",
        ),
        (
            "Run `bb8deploy options get`.",
            "Run `bb8deploy options get --target kitchen --addon '../my app' --via mount`.",
        ),
        # A release that is resumed has recorded its target.
        ("`bb8deploy release --resume`", "`bb8deploy release --resume --addon '../my app'`"),
        ("bb8deploy deploy, `ha jobs info`, `bb8deploy`", "bb8deploy deploy, `ha jobs info`, `bb8deploy`"),
    ],
)
def test_a_command_gets_the_options_that_it_takes_and_lacks(said: str, carried: str) -> None:
    complete = carrier(KITCHEN)
    assert complete(said) == carried
    assert complete(carried) == carried


def test_without_options_nothing_changes() -> None:
    assert options_of(["default"], None) == []
    assert carrier([])("Run `bb8deploy deploy`.") == "Run `bb8deploy deploy`."


def test_several_targets_are_all_carried() -> None:
    complete = carrier(options_of(["a", "b"], None))
    assert complete("`bb8deploy deploy --resume`") == "`bb8deploy deploy --resume --target a --target b`"


@pytest.mark.parametrize("option", TAKES)
def test_the_table_is_what_the_command_line_takes(option: str) -> None:
    from typer.main import get_command

    commands = get_command(build()).commands  # type: ignore[attr-defined]
    names = [name.replace("_", "-") for name in COMMANDS]
    assert {name for name in names if _takes(commands[name], option)} == TAKES[option]


def _takes(command: Any, option: str) -> bool:
    """Whether a command takes an option; a group of commands, if each of them does."""
    inside = getattr(command, "commands", {}).values()
    return (
        all(_takes(one, option) for one in inside)
        if inside
        else any(option in parameter.opts for parameter in command.params)
    )


def test_the_commands_that_take_several_targets_are_those_that_are_said_to_take_a_group() -> None:
    from typer.main import get_command

    commands = get_command(build()).commands  # type: ignore[attr-defined]
    several = {
        name
        for name, one in commands.items()
        if any("--target" in param.opts and param.multiple for param in one.params)
    }
    assert several == set(TAKE_GROUPS)
