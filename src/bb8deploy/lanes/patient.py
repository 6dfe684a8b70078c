"""Waits while the Supervisor or Core is starting: "not ready" is not an answer to any question."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from bb8deploy.host.connect import Host
from bb8deploy.host.supervisor.base import (
    AddonState,
    Health,
    Job,
    Look,
    Problem,
    Supervisor,
    SupervisorError,
    Verb,
)
from bb8deploy.host.supervisor.route import Reached, reach
from bb8deploy.lanes.session import slug_of
from bb8deploy.runs.run import Run

PATIENCE = 180.0
"""Seconds that a Supervisor or Core may take to start; the Supervisor's own update takes about 15."""
PAUSE, REMIND = 1.0, 15.0
T = TypeVar("T")


def wait_ready(call: Callable[[], T], note: Callable[[str], None], *, seconds: float = PATIENCE) -> T:
    """The answer to a call, repeated for up to `seconds` while the other side is not ready.

    Shows at once that it waits, and again every REMIND seconds. Raises what the last call raises.
    """
    began, told = time.monotonic(), -REMIND
    while True:
        try:
            return call()
        except SupervisorError as error:
            waited = time.monotonic() - began
            if error.problem is not Problem.NOT_READY or waited > seconds:
                raise
            if waited - told >= REMIND:
                note(f"waiting for Home Assistant ({waited:.0f} s of {seconds:.0f} s): {error.message}")
                told = waited
        time.sleep(PAUSE)


def reach_ready(run: Run, host: Host | None, *, rider: str = "", again_after: float = 0.0) -> Reached:
    """The best route to the Supervisor, as soon as it is ready; its questions wait in the same way."""
    slug = slug_of(run)

    def call() -> Reached:
        return reach(run.settings, run.addon, host, slug, rider=rider, again_after=again_after)

    reached = wait_ready(call, run.progress.note)
    reached.supervisor = Patient(reached.supervisor, run.progress.note)
    return reached


@dataclass(frozen=True, slots=True)
class Patient:
    """A Supervisor whose questions wait while it is not ready; its actions do not: see `Actions`."""

    inner: Supervisor
    note: Callable[[str], None]

    @property
    def route(self) -> str:
        """`ha`, `rest` or `websocket`."""
        return self.inner.route

    @property
    def log_is_current(self) -> bool:
        """Whether `logs` holds the lines of the present container alone."""
        return self.inner.log_is_current

    def look(self, slug: str, lines: int, *, rider: str = "", again_after: float = 0.0) -> Look:
        """State and the newest log lines."""
        return self._ask(lambda: self.inner.look(slug, lines, rider=rider, again_after=again_after))

    def info(self, slug: str) -> AddonState:
        """The app's state."""
        return self._ask(lambda: self.inner.info(slug))

    def reload_store(self) -> None:
        """Makes the Supervisor read the local apps again."""
        self.inner.reload_store()

    def act(self, verb: Verb, slug: str, *, backup: bool = False, deadline: float) -> None:
        """Carries out a verb."""
        self.inner.act(verb, slug, backup=backup, deadline=deadline)

    def logs(self, slug: str, lines: int) -> tuple[str, ...]:
        """The newest lines of the container's log."""
        return self._ask(lambda: self.inner.logs(slug, lines))

    def supervisor_logs(self, lines: int) -> tuple[str, ...]:
        """The newest lines of the Supervisor's own log."""
        return self._ask(lambda: self.inner.supervisor_logs(lines))

    def jobs(self) -> tuple[Job, ...]:
        """What is under way."""
        return self._ask(self.inner.jobs)

    def health(self) -> Health:
        """Whether it may build."""
        return self._ask(self.inner.health)

    def documents(self, *names: str) -> dict[str, dict[str, Any]]:
        """The data of documents such as `host/info`, by name."""
        return self._ask(lambda: self.inner.documents(*names))

    def follow(self, slug: str) -> Iterator[str]:
        """Log lines as they come."""
        return self.inner.follow(slug)

    def close(self) -> None:
        """Ends what the route opened."""
        self.inner.close()

    def _ask(self, call: Callable[[], T]) -> T:
        return wait_ready(call, self.note)
