"""Looks at an ssh host before a deploy: tools, rights, space, clock, the lock, traces of a killed run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bb8deploy.host.host_capabilities import HostFacts, facts_of
from bb8deploy.host.shell.program_output import AnswerPart
from bb8deploy.host.shell.run_programs import Shell


@dataclass(frozen=True, slots=True)
class FolderSurroundings:
    """The place around the app folder. `free` is the space on its disk in bytes, None if unknown.

    `writable`: a deploy may rename there. `marks` are traces of a run that was killed; `owner` is the owner
    line of the lock if it is held, `expires` its expiry in seconds since the epoch. `newest` is the newest
    file below the local root that is ahead of the host's clock: its time and its path. `dev`: the app folder
    has the files of the dev loop.
    """

    present: bool
    readable: bool
    parent: bool
    writable: bool
    free: int | None = None
    marks: tuple[str, ...] = ()
    owner: str = ""
    expires: int | None = None
    newest: tuple[int, str] | None = None
    dev: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The host's facts, the place of the app folder, and how far the host's clock is ahead, in seconds.

    `clock_error` is the uncertainty of `ahead`: half the time that the answer took, and half a second because
    the host reports whole seconds. `ahead` is None if the host reports no time.
    """

    facts: HostFacts
    place: FolderSurroundings
    ahead: float | None = None
    clock_error: float = 0.0


def look_around(shell: Shell) -> Surroundings:
    """Asks all of it by one command. Raises CheckFailed, Refused or Unreachable."""
    before = time.time()
    return surroundings(shell.ask("host_and_lock_state"), before, time.time())


def surroundings(parts: list[AnswerPart], before: float, after: float) -> Surroundings:
    """The surroundings in an answer that came between two moments (seconds since the epoch)."""
    facts = facts_of(parts)
    ahead = facts.clock + 0.5 - (before + after) / 2 if facts.clock else None
    return Surroundings(facts, place_of(parts), ahead, (after - before) / 2 + 0.5)


def place_of(parts: list[AnswerPart]) -> FolderSurroundings:
    """The place in an answer."""
    bodies = {part.name: part.body.decode(errors="replace") for part in parts}
    pairs = [line.partition("=")[::2] for line in bodies.get("PLACE", "").splitlines() if "=" in line]
    said = dict(pairs)
    free = said.get("free_kb", "")
    expires = said.get("expires", "")
    return FolderSurroundings(
        present=said.get("present") == "yes",
        readable=said.get("readable") == "yes",
        parent=said.get("parent") == "yes",
        writable=said.get("writable") == "yes" and said.get("state_writable", "yes") == "yes",
        free=int(free) * 1024 if free.isdigit() else None,
        marks=tuple(value for name, value in pairs if name == "mark"),
        owner=bodies.get("OWNER", "").strip(),
        expires=int(expires) if expires.isdigit() else None,
        dev=said.get("dev") == "yes",
        newest=_newest(said.get("newest", "")),
    )


def _newest(text: str) -> tuple[int, str] | None:
    moment, _, path = text.partition(" ")
    return (int(moment), path) if moment.isdigit() and path else None
