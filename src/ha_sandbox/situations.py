"""Situations of a host that the sandbox can imitate, and which of them are in force."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

STARTING_SECONDS = 15.0
"""How long the real Supervisor needs to start, and Core until its hassio integration answers."""
NO_ROUTE_SECONDS = 18.0
"""How long the real `ha` command waits for a Supervisor whose container is stopped."""
FULL_DISK_BYTES = 4096
FOREVER = float("inf")


class Situation(StrEnum):
    """A state of the host. The value is its name on the command line.

    What depends on the app's files alone needs no switch: an empty `map:` crashes the reload, a reload
    reads nothing while the newest mtime stays, a new required option refuses the start.
    """

    NOT_READY = "not-ready"
    RESTART_IN_JOB = "restart-in-job"
    RESTART_LOSES_JOB = "restart-loses-job"
    SUPERVISOR_STOPPED = "supervisor-stopped"
    UPDATE_PENDING = "update-pending"
    NO_INTERNET = "no-internet"
    UNHEALTHY_SETUP = "unhealthy-setup"
    LOW_DISK_SPACE = "low-disk-space"
    DISK_FULL = "disk-full"
    BROKEN_NEIGHBOUR = "broken-neighbour"
    ROLE_DEFAULT = "role-default"
    CORE_BOOTING = "core-booting"
    CORE_STOPPED = "core-stopped"

    @property
    def meaning(self) -> str:
        """One sentence for the user."""
        return _MEANINGS[self]


_MEANINGS = {
    Situation.NOT_READY: "the Supervisor is starting: it answers every call with 400, for 15 s",
    Situation.RESTART_IN_JOB: "the Supervisor restarts during the next build; the job completes",
    Situation.RESTART_LOSES_JOB: "the Supervisor restarts during the next build; the job is lost",
    Situation.SUPERVISOR_STOPPED: "the Supervisor's container is stopped",
    Situation.UPDATE_PENDING: "the Supervisor has to be updated: reload, install and update are refused",
    Situation.NO_INTERNET: "the host has no internet connection: every build is refused",
    Situation.UNHEALTHY_SETUP: "the store could not be loaded at the start; only a restart clears it",
    Situation.LOW_DISK_SPACE: "less than 2 GB are free: every build is refused",
    Situation.DISK_FULL: "commands over ssh find 4 KiB free in the local root",
    Situation.BROKEN_NEIGHBOUR: "another app's config.yaml has an empty `map:`, which crashes the reload",
    Situation.ROLE_DEFAULT: "the SSH app has the role `default`: it may read an app's info and little else",
    Situation.CORE_BOOTING: "Core is starting: its WebSocket does not know `supervisor/api`, for 15 s",
    Situation.CORE_STOPPED: "Core refuses connections",
}
_SECONDS = {Situation.NOT_READY: STARTING_SECONDS, Situation.CORE_BOOTING: STARTING_SECONDS}
Watcher = Callable[[Situation, bool], None]


class Faults:
    """The situations in force; every part of the sandbox asks it. Safe to call from any thread.

    `no_route_seconds` is how long `ha` waits for a stopped Supervisor, `restart_seconds` how long a restart
    of the Supervisor or of Core takes, `free_bytes` what DISK_FULL leaves in the local root.
    """

    def __init__(self) -> None:
        self.no_route_seconds = NO_ROUTE_SECONDS
        self.restart_seconds = STARTING_SECONDS
        self.free_bytes = FULL_DISK_BYTES
        self._guard = threading.RLock()
        self._ends: dict[Situation, tuple[float, float]] = {}
        self._watchers: list[Watcher] = []

    def begin(self, situation: Situation, seconds: float | None = None) -> None:
        """Puts a situation in force, for `seconds` or as long as the real host would take.

        Only NOT_READY and CORE_BOOTING end by themselves. Raises ValueError if another is given `seconds`.
        """
        if seconds is not None and situation not in _SECONDS:
            raise ValueError(f"{situation} has no duration: it lasts until it is ended")
        lasting = _SECONDS.get(situation, FOREVER) if seconds is None else seconds
        now = time.monotonic()
        with self._guard:
            self._ends[situation] = (now, now + lasting)
        self._notify(situation, on=True)

    def end(self, situation: Situation) -> bool:
        """Ends a situation; returns whether it was in force."""
        with self._guard:
            was = situation in self
            self._ends.pop(situation, None)
        if was:
            self._notify(situation, on=False)
        return was

    @contextmanager
    def during(self, situation: Situation, seconds: float | None = None) -> Iterator[None]:
        """The situation is in force inside of the `with` block."""
        self.begin(situation, seconds)
        try:
            yield
        finally:
            self.end(situation)

    def __contains__(self, situation: Situation) -> bool:
        with self._guard:
            return time.monotonic() < self._ends.get(situation, (0.0, 0.0))[1]

    @property
    def active(self) -> tuple[Situation, ...]:
        """The situations in force."""
        return tuple(situation for situation in Situation if situation in self)

    @property
    def startup_state(self) -> str:
        """`setup` or `startup` while the Supervisor is not ready, else empty."""
        with self._guard:
            begin, end = self._ends.get(Situation.NOT_READY, (0.0, 0.0))
        now = time.monotonic()
        if now >= end:
            return ""
        return "setup" if now - begin < (end - begin) * 0.7 else "startup"

    def watch(self, watcher: Watcher) -> None:
        """Calls `watcher` with each situation that is begun (True) or ended by a call (False)."""
        self._watchers.append(watcher)

    def _notify(self, situation: Situation, *, on: bool) -> None:
        for watcher in self._watchers:
            watcher(situation, on)


def parse_situation(text: str) -> tuple[Situation, float | None]:
    """`NAME` or `NAME=SECONDS`, as the command line has it. Raises ValueError."""
    name, _, seconds = text.partition("=")
    situation = Situation(name)
    if not seconds:
        return situation, None
    duration = float(seconds)
    if situation not in _SECONDS:
        raise ValueError(f"{name} has no duration")
    return situation, duration
