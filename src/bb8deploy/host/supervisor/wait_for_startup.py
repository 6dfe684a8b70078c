"""Waits for a Supervisor or a Core that is still starting, in every call of a route, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.host.supervisor.route_interface import (
    STATE_AND_LOG,
    AddonState,
    Health,
    Job,
    Look,
    LookExtras,
    RefusalKind,
    Supervisor,
    SupervisorError,
    Verb,
)

T = TypeVar("T")
READY_DEADLINE = 180.0
"""Seconds: a start takes about 15, the Supervisor's own update some minutes on a slow host."""
POLL = 1.0


class PatientSupervisor:
    """A route whose calls are repeated while the host answers that it is not ready.

    Such an answer means that nothing was done, so that a repeated call is safe. Raises the SupervisorError of
    the last answer after `deadline` seconds. `note` shows one line for each wait.
    """

    def __init__(
        self, route: Supervisor, note: Callable[[str], None], *, deadline: float = READY_DEADLINE
    ) -> None:
        self.at_once = route
        """The route itself, whose calls do not wait for a host that is not ready."""
        self._note = note
        self._deadline = deadline

    @property
    def route(self) -> str:
        """The name of the route."""
        return self.at_once.route

    @property
    def log_is_current(self) -> bool:
        """Whether logs hold the present container's lines alone."""
        return self.at_once.log_is_current

    def look(self, slug: str, lines: int, extras: LookExtras = STATE_AND_LOG) -> Look:
        """State, log and extras."""
        return self._ready(lambda: self.at_once.look(slug, lines, extras))

    def info(self, slug: str) -> AddonState:
        """The state."""
        return self._ready(lambda: self.at_once.info(slug))

    def reload_store(self) -> None:
        """The store, read again."""
        self._ready(self.at_once.reload_store)

    def act(self, verb: Verb, slug: str, *, backup: bool = False, deadline: float) -> None:
        """The verb, carried out."""
        self._ready(lambda: self.at_once.act(verb, slug, backup=backup, deadline=deadline))

    def uninstall(self, slug: str, *, with_config: bool, deadline: float) -> None:
        """The app, uninstalled."""
        self._ready(lambda: self.at_once.uninstall(slug, with_config=with_config, deadline=deadline))

    def logs(self, slug: str, lines: int) -> tuple[str, ...]:
        """The log of the app."""
        return self._ready(lambda: self.at_once.logs(slug, lines))

    def supervisor_logs(self, lines: int) -> tuple[str, ...]:
        """The Supervisor's log."""
        return self._ready(lambda: self.at_once.supervisor_logs(lines))

    def jobs(self) -> tuple[Job, ...]:
        """What is under way."""
        return self._ready(self.at_once.jobs)

    def health(self) -> Health:
        """Whether it may build."""
        return self._ready(self.at_once.health)

    def documents(self, *names: str) -> dict[str, JsonObject]:
        """The documents; a refused one is left out."""
        return self._ready(lambda: self.at_once.documents(*names))

    def follow(self, slug: str) -> Iterator[str]:
        """Log lines as they come."""
        return self.at_once.follow(slug)

    def close(self) -> None:
        """Ends the route."""
        self.at_once.close()

    def _ready(self, call: Callable[[], T]) -> T:
        end, told = time.monotonic() + self._deadline, False
        while True:
            try:
                return call()
            except SupervisorError as error:
                if error.problem is not RefusalKind.NOT_READY or time.monotonic() > end:
                    raise
                if not told:
                    self._note(f"waiting up to {self._deadline:.0f} s: {error.message}")
                told = True
            time.sleep(POLL)
