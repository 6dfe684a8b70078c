"""Asks the Supervisor for an action and waits until it is done, even if the call itself fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bb8deploy.catalogue.errors.supervisor import SUPERVISOR_UNHEALTHY
from bb8deploy.host.supervisor.route_interface import (
    RELOAD,
    AddonState,
    NoAnswer,
    RefusalKind,
    SupervisorError,
    Verb,
)
from bb8deploy.lanes.verify import failure_errors
from bb8deploy.lanes.verify.app_observer import POLL, Watch
from bb8deploy.lanes.verify.verify_types import Task

START_DEADLINE = 180.0
UNINSTALL_DEADLINE = 300.0


@dataclass(slots=True)
class Actions:
    """The Supervisor's actions for one app; `note` shows why something takes its time, each reason once."""

    watch: Watch
    task: Task
    note: Callable[[str], None]
    build_deadline: float
    _noted: set[str] = field(default_factory=set)

    def reload(self) -> AddonState:
        """The state after a reload of the store; one that gave no answer is waited for by looking."""
        end = time.monotonic() + RELOAD
        lost = not self._patient(self.watch.supervisor.reload_store, end)
        while True:
            state = self.watch.info()
            if not lost or state.listed == self.task.expected.version or time.monotonic() > end:
                return state
            time.sleep(POLL)

    def act(self, verb: Verb) -> bool:
        """Has the verb carried out; True if the Supervisor itself reported its end.

        Raises SupervisorError, or Unreachable JOB_UNFINISHED after the build deadline.
        """
        end = time.monotonic() + self.build_deadline
        supervisor, slug, backup = self.watch.supervisor, self.task.slug, self.task.options.backup

        def call() -> None:
            supervisor.act(verb, slug, backup=backup, deadline=max(1.0, end - time.monotonic()))

        answered = self._patient(call, end)
        if not answered:
            self.wait_idle(end)
        return answered

    def start(self) -> None:
        """Starts the app. Raises SupervisorError if that is refused."""
        end = time.monotonic() + START_DEADLINE
        supervisor, slug = self.watch.supervisor, self.task.slug
        if not self._patient(lambda: supervisor.act("start", slug, deadline=START_DEADLINE), end):
            self.wait_idle(end)

    def stop(self) -> None:
        """Stops the app. Raises SupervisorError if that is refused."""
        end = time.monotonic() + START_DEADLINE
        supervisor, slug = self.watch.supervisor, self.task.slug
        if not self._patient(lambda: supervisor.act("stop", slug, deadline=START_DEADLINE), end):
            self.wait_idle(end)

    def uninstall(self, *, with_config: bool) -> None:
        """Uninstalls the app. Raises SupervisorError if that is refused."""
        end = time.monotonic() + UNINSTALL_DEADLINE
        supervisor, slug = self.watch.supervisor, self.task.slug

        def call() -> None:
            supervisor.uninstall(slug, with_config=with_config, deadline=UNINSTALL_DEADLINE)

        if not self._patient(call, end):
            self.wait_idle(end)

    def wait_idle(self, end: float | None = None) -> None:
        """Waits until no job about the app is under way; a Supervisor that is silent is asked again.

        Raises Unreachable JOB_UNFINISHED at `end`: what will run in the end cannot be known yet.
        """
        end = time.monotonic() + self.build_deadline if end is None else end
        while time.monotonic() < end:
            if self._busy() is False:
                return
            time.sleep(POLL)
        raise failure_errors.unfinished(self.task.what)

    def _busy(self) -> bool | None:
        """Whether a job about the app is under way, None if the Supervisor did not answer."""
        try:
            jobs = self.watch.supervisor.jobs()
        except NoAnswer:
            return None
        return any(job.reference == self.task.slug and not job.done for job in jobs)

    def _patient(self, call: Callable[[], None], end: float) -> bool:
        """Calls until `end` while another job is at work; False if the call ended without an answer."""
        while True:
            try:
                call()
            except SupervisorError as error:
                if error.problem is RefusalKind.UNHEALTHY:
                    raise SUPERVISOR_UNHEALTHY(error.cause, error.remedy) from error
                if error.problem not in {RefusalKind.BUSY, RefusalKind.NOT_READY} or time.monotonic() > end:
                    raise
                self._note_once(f"waiting: {error.message}")
                time.sleep(POLL)
            except NoAnswer as error:
                self._note_once(f"{error.cause}; checking what became of it")
                return False
            else:
                return True

    def _note_once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self.note(text)
