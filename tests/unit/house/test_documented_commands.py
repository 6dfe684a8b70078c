"""What the pages tell people to type is something that the command line and the Makefile take."""

from __future__ import annotations

import ast
import re

import pytest
from ops.docs import commands
from tests.unit.house.sources import ROOT, TOOL, modules

from bb8deploy.cli import help_examples

TOLD = [one for one in commands.told() if one.words[0] == "bb8deploy"]


@pytest.mark.parametrize("one", TOLD, ids=str)
def test_the_command_line_takes_every_command_of_the_pages(one: commands.Told) -> None:
    assert commands.problem(one.words[1:]) == ""


def test_the_makefile_has_every_target_of_the_pages() -> None:
    wanted = {one.words[1] for one in commands.told() if one.words[0] == "make"}
    assert wanted
    assert not wanted - commands.make_targets()


def test_the_command_line_takes_every_command_of_remedies_and_help() -> None:
    """Messages tell people what to type too."""
    typed = re.compile(r"`bb8deploy ([^`\n]+)`")
    wrong = []
    for module in modules(TOOL):
        for text in _texts(module.tree):
            for found in typed.finditer(text):
                words = tuple(found[1].replace("{", "").replace("}", "").split())
                if not re.search(r"\.\.\.|\w\|\w", found[1]) and (why := commands.problem(words)):
                    wrong.append(f"{module.path.relative_to(ROOT)}: bb8deploy {found[1]}: {why}")
    assert not wrong


EXAMPLES = [(name, words) for name, rows in help_examples.EXAMPLES.items() for words, _ in rows]


@pytest.mark.parametrize(("name", "words"), EXAMPLES)
def test_the_command_line_takes_every_example_of_help(name: str, words: str) -> None:
    assert words.split(maxsplit=1)[0] == name
    assert commands.problem(tuple(words.split())) == ""


def test_every_example_of_help_is_in_a_page_too() -> None:
    """Those are run as they stand by tests/integration/docs."""
    told = {" ".join(one.words[1:]) for one in TOLD if one.block}
    assert not {words for _, words in EXAMPLES} - told


def _texts(tree: ast.Module) -> list[str]:
    """Every string literal; an f-string's holes become words."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (str(v.value) if isinstance(v, ast.Constant) else "HOLE" for v in node.values)
            # A hole at the end of a word is punctuation or a choice of words, not a word of its own.
            found.append(re.sub(r"(?<=[\w.])HOLE", "", "".join(parts)))
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("relese", "patch"), "no command"),
        (("deploy", "--tagret", "x"), "--tagret"),
        (("validate", "--mode", "both"), "both"),
        (("sandbox", "sideways"), "no command"),
        (("explain", "A", "B"), "extra"),
    ],
)
def test_a_command_that_does_not_exist_would_be_found(words: tuple[str, ...], said: str) -> None:
    assert said in commands.problem(words)
