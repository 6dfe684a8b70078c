"""What the pages tell people to type is something that the command line and the Makefile take."""

from __future__ import annotations

import pytest
from ops.docs import commands

from bb8deploy.cli import help_examples

TOLD = [one for one in commands.told() if one.words[0] == "bb8deploy"]


@pytest.mark.parametrize("one", TOLD, ids=str)
def test_the_command_line_takes_every_command_of_the_pages(one: commands.Told) -> None:
    """A code span may also name a command, such as `bb8deploy new`, without its arguments."""
    named = not one.block and commands.is_name(one.words[1:])
    assert named or commands.problem(one.words[1:]) == ""


def test_the_makefile_has_every_target_of_the_pages() -> None:
    wanted = {one.words[1] for one in commands.told() if one.words[0] == "make"}
    assert wanted
    assert not wanted - commands.make_targets()


EXAMPLES = [(name, words) for name, rows in help_examples.EXAMPLES.items() for words, _ in rows]


@pytest.mark.parametrize(("name", "words"), EXAMPLES)
def test_the_command_line_takes_every_example_of_help(name: str, words: str) -> None:
    assert words.split(maxsplit=1)[0] == name
    assert commands.problem(tuple(words.split())) == ""


def test_every_example_of_help_is_in_a_page_too() -> None:
    """Those are run as they stand by tests/integration/docs."""
    told = {" ".join(one.words[1:]) for one in TOLD if one.block}
    assert not {words for _, words in EXAMPLES} - told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("relese", "patch"), "no command"),
        (("deploy", "--tagret", "x"), "--tagret"),
        (("validate", "--mode", "both"), "both"),
        (("sandbox", "sideways"), "no command"),
        (("explain", "A", "B"), "extra"),
        (("verify-evidence",), "Missing argument"),
    ],
)
def test_a_command_that_does_not_exist_would_be_found(words: tuple[str, ...], said: str) -> None:
    assert said in commands.problem(words)
