"""The lifetime of the lock of one app on one host: taken, waited for, held, released, removed.

It is a folder `<folder above the app's>/.bb8deploy/<name>.lock` with a file `owner` (one line of JSON) and a
file `expires` (seconds since the epoch by the clock of the side that took it). Over ssh a program on the host
holds it for as long as our channel is open, so a killed client leaves no lock behind; on a share this process
holds it, and a process of this machine that has ended is noticed by its id.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bb8deploy.host.files.app_folder_interface import SyncSession
from bb8deploy.host.host_capabilities import HostFacts
from bb8deploy.host.lock.lock_owner import Held, HostLocked, Owner
from bb8deploy.host.shell.host_probe import Surroundings
from bb8deploy.workspace.tree_digest import PutIn

PATIENCE = 5.0
"""Seconds in which the lock of a killed process of this machine goes away by itself over ssh."""
MIN_LEASE = 3600.0
LEASE_BEYOND_BUILD = 1800.0
POLL, POLL_WAITING = 0.2, 2.0


class Holding(Protocol):
    """A lock that is held."""

    @property
    def notes(self) -> Sequence[str]:
        """What was found and put right while taking it."""

    @property
    def facts(self) -> HostFacts | None:
        """What the host reported about itself meanwhile."""

    @property
    def surroundings(self) -> Surroundings | None:
        """What the host showed of the place around the app folder meanwhile; None for a share."""

    def take_session(self) -> contextlib.AbstractContextManager[SyncSession] | None:
        """The app folder as it was seen while the lock was taken; None if it was not looked at."""

    def record_put_in(self, put_in: PutIn) -> None:
        """Records what the Supervisor has built from the app folder."""

    def append_receipt(self, lines: Sequence[str]) -> bool:
        """Appends lines to the host's receipt; False if that failed."""

    def release(self) -> None:
        """Releases it; calling it twice is fine."""


class LockFolder(Protocol):
    """The lock folder of one app on one host."""

    def hold(self, owner: Owner, lease: float, dead: str) -> Holding:
        """Takes the lock for `lease` seconds; `dead` is the owner line of a lock that may be taken over.

        Raises HostLocked if another run holds it.
        """

    def look(self) -> Held | None:
        """The holder of the lock, None if it is free."""

    def remove(self, held: Held) -> bool:
        """Removes a lock that is still held by the same owner; False if it is not."""


class HostLock:
    """The lock as one run sees it. `note` shows a line about a wait."""

    def __init__(self, folder: LockFolder, note: Callable[[str], None]) -> None:
        self.folder = folder
        self.holding: Holding | None = None
        self._note = note

    @contextlib.contextmanager
    def held(self, owner: Owner, *, build_deadline: float, wait: float) -> Iterator[Holding]:
        """Holds the lock; it expires half an hour after the build deadline, one hour from now at least.

        Another run is waited for, for `wait` seconds. Raises HostLocked if it holds the lock longer.
        """
        lease = max(MIN_LEASE, build_deadline + LEASE_BEYOND_BUILD)
        self.holding = self._take(owner, lease, time.monotonic() + wait)
        try:
            yield self.holding
        finally:
            self.release()

    def release(self) -> None:
        """Releases the lock if it is held."""
        holding, self.holding = self.holding, None
        if holding:
            holding.release()

    def _take(self, owner: Owner, lease: float, end: float) -> Holding:
        """Takes the lock; one of a killed process of this machine is taken over after a moment."""
        began, dead, told = time.monotonic(), "", ""
        while True:
            try:
                return self.folder.hold(owner, lease, dead)
            except HostLocked as error:
                ended = error.held.by_the_dead
                if (dead or not ended) and time.monotonic() > end:
                    raise
                dead = error.held.line if ended and time.monotonic() > began + PATIENCE else ""
                if not ended and told != error.held.line:
                    told = error.held.line
                    self._note(f"waiting for the lock: {error.cause}")
            time.sleep(POLL if ended else min(POLL_WAITING, max(POLL, end - time.monotonic())))


def notes_of(restored: bool, over: str | None) -> list[str]:
    """The message about a lock that was taken."""
    notes = []
    if over is not None:
        notes.append(f"took over the expired lock of {Owner.parse(over) or 'an unknown owner'}")
    if restored:
        notes.append("an earlier run was interrupted between two renames: its earlier tree was put back")
    return notes
