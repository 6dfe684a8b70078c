"""Adds the options of this run to the commands that a message names: `bb8deploy deploy --target kitchen`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bb8deploy.settings.target_groups import TAKE_GROUPS

_PACE = ("--canary", "--wave", "--max-failures", "--pause")
# The commands that take each option; a test compares this with the command line.
_HOST = "deploy dev history options pull remove rollback sync test unlock verify"
_TARGET = f"{_HOST} attest config diagnose init logs publish release status"
TAKES: Mapping[str, frozenset[str]] = {
    "--target": frozenset(_TARGET.split(" ")),
    "--addon": frozenset(f"{_TARGET} demo report validate".split(" ")),
    "--via": frozenset(_HOST.split(" ")),
    "--as": frozenset(f"{_HOST} logs status".split(" ")) - {"dev"},
    "--verify": frozenset(["deploy", "release", "rollback", "sync", "verify"]),
    "--ports": frozenset(["deploy"]),
    "--no-start": frozenset(["deploy", "verify"]),
    "--backup": frozenset(["deploy", "verify"]),
    "--no-validate": frozenset(["deploy"]),
    "--remove-config": frozenset(["remove"]),
    "--discard-edits": frozenset(["remove"]),
    **dict.fromkeys(_PACE, frozenset(["deploy", "rollback", "verify"])),
}
_TOOL = "bb8deploy"
_COMMAND = re.compile(rf"`{_TOOL} (?P<command>[a-z][a-z-]*)(?P<rest>[^`\n]*)`")
Options = Sequence[tuple[str, str]]
"""Options with their values; an empty value is that of an option without one."""


def options_of(
    targets: Sequence[str],
    addon: Path | None,
    via: str = "auto",
    instance: str | None = None,
    verify: str | None = None,
) -> Options:
    """The options to carry: those that differ from their defaults."""
    found = [("--target", name) for name in targets if name != "default"]
    found += [("--addon", str(addon))] if addon else []
    found += [("--as", instance)] if instance else []
    found += [("--via", via)] if via != "auto" else []
    return [*found, ("--verify", verify)] if verify else found


def given(options: Mapping[str, object]) -> Options:
    """The options to carry of those that a command has by itself: what is off or not set is left out."""
    return [
        (name, "" if value is True else str(value))
        for name, value in options.items()
        if not (value is None or value is False or value == "")
    ]


def carrier(options: Options) -> Callable[[str], str]:
    """A function that adds the options to each command of a text that takes them and does not have them.

    A release that is resumed has its target recorded, so it gets none.
    """

    def complete(found: re.Match[str]) -> str:
        command, rest = found["command"], found["rest"]
        return f"`{_TOOL} {command}{rest}{_missing(command, rest, options)}`"

    return (lambda text: _COMMAND.sub(complete, text)) if options else str


def _missing(command: str, rest: str, options: Options) -> str:
    have = set(rest.split())
    carried = [(name, value) for name, value in options if command in TAKES[name] and name not in have]
    if command == "release" and "--resume" in have:
        carried = [one for one in carried if one[0] != "--target"]
    if command == "validate" and any(not word.startswith("-") for word in have):
        carried = [one for one in carried if one[0] != "--addon"]  # the folders are named
    return "".join(
        f" {name} {shlex.quote(value)}" if value else f" {name}" for name, value in _single(command, carried)
    )


def _single(command: str, carried: Options) -> Options:
    """With one placeholder for several targets if the command works with one: the last would win silently."""
    others = [one for one in carried if one[0] != "--target"]
    several = len(carried) - len(others) > 1 and command not in TAKE_GROUPS
    return [("--target", "NAME"), *others] if several else carried
