"""Adds the options of this run to the commands that a message names: `bb8deploy deploy --target kitchen`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# The commands that take each option; a test compares this with the command line.
_HOST = "deploy dev history options pull remove rollback sync test unlock verify"
_TARGET = f"{_HOST} attest config diagnose init logs publish release status"
TAKES: Mapping[str, frozenset[str]] = {
    "--target": frozenset(_TARGET.split(" ")),
    "--addon": frozenset(f"{_TARGET} report validate".split(" ")),
    "--via": frozenset(_HOST.split(" ")),
    "--as": frozenset(f"{_HOST} logs status".split(" ")) - {"dev"},
    "--verify": frozenset(["deploy", "release", "rollback", "sync", "verify"]),
}
_TOOL = "bb8deploy"
_COMMAND = re.compile(rf"`{_TOOL} (?P<command>[a-z][a-z-]*)(?P<rest>[^`\n]*)`")
Options = Sequence[tuple[str, str]]


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
    resumed = command == "release" and "--resume" in have
    return "".join(
        f" {name} {shlex.quote(value)}"
        for name, value in options
        if command in TAKES[name] and name not in have and not (resumed and name == "--target")
    )
