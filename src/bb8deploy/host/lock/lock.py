"""The lock of one add-on on one host: who holds it, until when, and how it is let go whatever happens.

It is a folder `<runtime parent>/.bb8deploy/<name>.lock` with a file `owner` (one line of JSON) and a file
`expires` (seconds since the epoch by the clock of the side that took it). Over ssh a program on the host
holds it for as long as our channel is open, so that a killed client leaves no lock behind.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Protocol

from bb8deploy.base.errors import Bb8Error, Locked
from bb8deploy.base.machine import lives
from bb8deploy.catalogue.errors.host import HOST_LOCKED
from bb8deploy.host.capabilities import HostFacts, facts_of
from bb8deploy.host.files.protocol import SyncSession
from bb8deploy.host.files.ssh import SshSession
from bb8deploy.host.shell.answer import Section, tree_of
from bb8deploy.host.shell.shell import Conversation, Shell

RELEASE_DEADLINE = 10.0
RECEIPT_DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock: user, machine and process, the run, what it does, and since when (RFC 3339)."""

    user: str
    host: str
    pid: int
    run: str
    command: str
    since: str

    @classmethod
    def of_run(cls, run_id: str, command: str) -> Owner:
        """This process, for a run."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(getpass.getuser(), socket.gethostname(), os.getpid(), run_id, command, now)

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """The owner in a lock's file, None where the text is none."""
        try:
            row = json.loads(text)
            return cls(**{name: row[name] for name in cls.__dataclass_fields__})
        except (ValueError, KeyError, TypeError):
            return None

    def is_dead(self) -> bool:
        """True for a process of this machine that has ended; of other machines we cannot tell."""
        return self.host == socket.gethostname() and not lives(self.pid)

    def line(self) -> str:
        """One line of ASCII JSON."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        return (
            f"{self.user}@{self.host} (process {self.pid}, `{self.command}`, run {self.run}, "
            f"since {self.since})"
        )


class Holding(Protocol):
    """A lock that is held."""

    @property
    def notes(self) -> Sequence[str]:
        """What was found and put right while taking it."""

    @property
    def facts(self) -> HostFacts | None:
        """What the host said of itself meanwhile."""

    def take_session(self) -> contextlib.AbstractContextManager[SyncSession] | None:
        """The runtime folder as it was seen while the lock was taken; None where it was not looked at."""

    def append_receipt(self, lines: Sequence[str]) -> bool:
        """Appends lines to the host's receipt; False where that failed."""

    def release(self) -> None:
        """Lets go; calling it twice is fine."""


class HostLocked(Locked):
    """Somebody else holds the host's lock; `line` is the text of its owner file."""

    def __init__(self, line: str, where: str) -> None:
        owner = Owner.parse(line)
        super().__init__(
            HOST_LOCKED.code,
            f"{where} is locked by {owner or 'somebody who has not said who'}",
            "Wait for that run to end; a lock that nobody renews is taken over when it expires.",
        )
        self.line = line
        self.by_the_dead = owner is not None and owner.is_dead()


def notes_of(restored: bool, over: str | None) -> list[str]:
    """What to tell about a lock that was taken."""
    notes = []
    if over is not None:
        notes.append(f"took over the expired lock of {Owner.parse(over) or 'an unknown owner'}")
    if restored:
        notes.append("an earlier run was cut between two renames: its earlier tree was put back")
    return notes


class SshHolding:
    """A lock held by a program on the host at the other end of an open channel."""

    def __init__(self, shell: Shell, owner: Owner, *, lease: float, receipt: str, dead: str = "") -> None:
        arguments = (owner.line(), str(int(lease)), receipt, dead)
        self._talk: Conversation | None = shell.start("lock", arguments=arguments, run_id=owner.run)
        self._run_id = owner.run
        with contextlib.ExitStack() as undo:
            undo.callback(self._talk.stream.abort)
            # A delivery's program is started now already: sshd lets nothing in before a command runs.
            self._delivery: Conversation | None = shell.start("apply", run_id=owner.run)
            undo.callback(self._delivery.stream.abort)
            parts = self._talk.answer()
            _refuse_held(parts, shell.where)
            undo.pop_all()
        over = next((p.body.decode(errors="replace").strip() for p in parts if p.name == "OVER"), None)
        self._notes = notes_of(any(p.name == "RESTORED" for p in parts), over)
        self._facts = facts_of(parts)
        self._parts = parts

    @property
    def notes(self) -> Sequence[str]:
        """What was put right."""
        return self._notes

    @property
    def facts(self) -> HostFacts | None:
        """What the host said of itself."""
        return self._facts

    def take_session(self) -> SshSession | None:
        """The tree as it was listed under the lock, given out once: later it may not be true any more."""
        talk, self._delivery = self._delivery, None
        return None if talk is None else SshSession(talk, self._run_id, tree_of(self._parts))

    def append_receipt(self, lines: Sequence[str]) -> bool:
        """Appends through the open channel."""
        if self._talk is None:
            return False
        sent = self._talk.send("".join(f"+{line}\n" for line in (*lines,)).encode() + b".\n")
        return sent and any(p.name == "KEPT" for p in self._talk.answer(deadline=RECEIPT_DEADLINE))

    def release(self) -> None:
        """Ends the program and waits until the lock is gone; a lost connection has done the same."""
        talk, self._talk = self._talk, None
        if talk is None:
            return
        if self._delivery:
            self._delivery.stream.abort()
        with contextlib.suppress(Bb8Error, OSError, EOFError):
            talk.stream.finish(deadline=RELEASE_DEADLINE)
        talk.stream.abort()


def _refuse_held(parts: Sequence[Section], where: str) -> None:
    for part in parts:
        if part.name == "HELD":
            raise HostLocked(part.body.decode(errors="replace").strip(), where)
