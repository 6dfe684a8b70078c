"""Jobs of the Supervisor: one at a time per app, listed only while they run."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ha_sandbox.supervisor import api_errors


@dataclass(frozen=True, slots=True)
class Job:
    """A running job; `child` is the name of its only child job, empty if it has none."""

    name: str
    child: str
    reference: str
    uuid: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def view(self) -> dict[str, object]:
        """The job as /jobs shows it."""
        children = [self._node(self.child, uuid.uuid5(uuid.NAMESPACE_OID, self.uuid).hex, [])]
        return self._node(self.name, self.uuid, children if self.child else [])

    def _node(self, name: str, identifier: str, children: list[dict[str, object]]) -> dict[str, object]:
        return {
            "name": name,
            "reference": self.reference,
            "uuid": identifier,
            "progress": 0,
            "stage": None,
            "done": False,
            "errors": [],
            "created": self.created,
            "extra": None,
            "child_jobs": children,
        }


_JOIN_DEADLINE = 150.0  # seconds; a start waits for a health check at most 120


class Jobs:
    """Runs work under the lock of its app, in the caller's thread or in the background."""

    def __init__(self, on_failure: Callable[[str], None]) -> None:
        self._guard = threading.Condition()
        self._ended = False
        self._running: dict[str, Job] = {}
        self._threads: list[threading.Thread] = []
        self._on_failure = on_failure

    def run(self, job: Job, work: Callable[[], None]) -> None:
        """Runs the work in this thread. Raises ApiError if the app has a running job."""
        self._enter(job)
        try:
            work()
        finally:
            self._leave(job)

    def start(self, job: Job, work: Callable[[], None]) -> str:
        """Runs the work in a thread and returns the job's id; a failure is only logged."""
        self._enter(job)
        thread = threading.Thread(target=self._background, args=(job, work), name=f"job {job.name}")
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()
        return job.uuid

    def listed(self) -> list[Job]:
        """The running jobs."""
        with self._guard:
            return list(self._running.values())

    def busy(self, slug: str) -> bool:
        """True if the app has a running job."""
        with self._guard:
            return slug in self._running

    def join(self) -> None:
        """Waits for every job, for as long as a start may take."""
        end = time.monotonic() + _JOIN_DEADLINE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        with self._guard:
            self._guard.wait_for(lambda: not self._running, max(0.0, end - time.monotonic()))

    def close(self) -> None:
        """Refuses new jobs and waits for the running ones."""
        with self._guard:
            self._ended = True
        self.join()

    def _background(self, job: Job, work: Callable[[], None]) -> None:
        try:
            work()
        except api_errors.ApiError as error:
            self._on_failure(error.message)
        finally:
            self._leave(job)

    def _enter(self, job: Job) -> None:
        with self._guard:
            if self._ended or job.reference in self._running:
                raise api_errors.job_running(job.reference)
            self._running[job.reference] = job

    def _leave(self, job: Job) -> None:
        with self._guard:
            self._running.pop(job.reference, None)
            self._guard.notify_all()
