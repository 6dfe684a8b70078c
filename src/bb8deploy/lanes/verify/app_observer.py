"""Looks at one app through one route to the Supervisor, and remembers what it saw."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Protocol

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.folder_rehash import RehashProgram
from bb8deploy.host.supervisor.find_route import LOG_LINES
from bb8deploy.host.supervisor.route_interface import (
    AddonState,
    Look,
    LookExtras,
    NoAnswer,
    RefusalKind,
    Supervisor,
    SupervisorError,
)

POLL = 1.0
LOOK_PATIENCE = 60.0
RUNNING = ("started", "startup")
TAIL, BUILD_TAIL = 20, 60


class AsksInfo(Protocol):
    """A route that can be asked for an app's state."""

    def info(self, slug: str) -> AddonState:
        """The app's state."""


def info_of(route: AsksInfo, slug: str) -> AddonState:
    """The app's state without its log; an unknown app counts as not installed. Raises SupervisorError."""
    try:
        return route.info(slug)
    except SupervisorError as error:
        if error.problem is not RefusalKind.UNKNOWN_APP:
            raise
        return gone(slug)


@dataclass(slots=True)
class Watch:
    """`states` are those seen, in order; `log`, `rehashed` and `built_here` are of the newest look.

    `rehash` is the program that the last look over ssh also runs; `rehashed` is its output.
    """

    supervisor: Supervisor
    slug: str
    rehash: RehashProgram | None = None
    states: list[str] = field(default_factory=list)
    log: tuple[str, ...] = ()
    rehashed: bytes | None = None
    built_here: bool | None = None

    def look(self, lines: int) -> AddonState:
        """One look; without an answer the app counts as still starting."""
        try:
            return self.take(self.supervisor.look(self.slug, lines))
        except NoAnswer:
            return AddonState(self.slug, True, "", "", "startup", False, False)

    def look_patiently(self, *, last: bool) -> AddonState:
        """A look that is repeated for up to LOOK_PATIENCE seconds if there is no answer.

        The `last` one also hashes the app folder again. Raises NoAnswer.
        """
        end = time.monotonic() + LOOK_PATIENCE
        while True:
            try:
                extras = LookExtras(self.rehash.program if last and self.rehash else "")
                return self.take(self.supervisor.look(self.slug, LOG_LINES, extras))
            except NoAnswer:
                if time.monotonic() > end:
                    raise
            time.sleep(POLL)

    def take(self, look: Look) -> AddonState:
        """Remembers a look that was made elsewhere."""
        state = look.state or gone(self.slug)
        self.log, self.rehashed, self.built_here = look.log, look.program_output, state.built_here
        self.saw(state.state)
        return state

    def info(self) -> AddonState:
        """The app's state without its log; an unknown app is one that is not installed."""
        state = info_of(self.supervisor, self.slug)
        self.saw(state.state)
        return state

    def saw(self, state: str) -> None:
        """Remembers a state, once per change."""
        if self.states[-1:] != [state]:
            self.states.append(state)

    def container_log(self, lines: int = LOG_LINES) -> tuple[str, ...]:
        """The container's log, empty if it cannot be read."""
        try:
            return self.supervisor.logs(self.slug, lines)
        except Bb8Error:
            return ()

    def supervisor_log(self) -> tuple[str, ...]:
        """The newest lines of the Supervisor's own log, empty if it cannot be read."""
        try:
            return self.supervisor.supervisor_logs(LOG_LINES)
        except Bb8Error:
            return ()


def gone(slug: str) -> AddonState:
    """The state of an app that the Supervisor does not know."""
    return replace(_GONE, slug=slug)


_GONE = AddonState("", False, "", "", "unknown", False, False)
