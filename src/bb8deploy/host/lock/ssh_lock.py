"""The lock over ssh: a program on the host holds it at the other end of an open channel."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from bb8deploy.base.errors import Bb8Error, Refused
from bb8deploy.catalogue.errors.ssh import SSH_SESSIONS_FEW
from bb8deploy.host.files.ssh_folder import SshSession
from bb8deploy.host.host_capabilities import HostFacts, facts_of
from bb8deploy.host.lock.lock_lifetime import notes_of
from bb8deploy.host.lock.lock_owner import Held, HostLocked, Owner, held_in
from bb8deploy.host.shell.host_probe import Surroundings, surroundings
from bb8deploy.host.shell.program_output import AnswerPart, tree_of
from bb8deploy.host.shell.run_programs import Conversation, Shell
from bb8deploy.workspace.tree_digest import PutIn

RELEASE_DEADLINE = 10.0
RECEIPT_DEADLINE = 30.0
SECOND_SESSION = 2.0
"""Seconds for the second command beside the one that holds the lock."""


class SshLockFolder:
    """`LockFolder` over ssh; `receipt` is the path of the receipt on the host."""

    def __init__(self, shell: Shell, receipt: str) -> None:
        self._shell = shell
        self._receipt = receipt

    def hold(self, owner: Owner, lease: float, dead: str) -> SshHolding:
        """Starts the program that takes and holds it."""
        return SshHolding(self._shell, owner, lease=lease, receipt=self._receipt, dead=dead)

    def look(self) -> Held | None:
        """Asks the host."""
        return held_in(self._shell.ask("remove_lock", ""))

    def remove(self, held: Held) -> bool:
        """Removes it on the host; a run that still lives there notices before it swaps."""
        parts = self._shell.ask("remove_lock", held.line, "REMOVE", run_id="unlock")
        return any(part.name == "REMOVED" for part in parts)


class SshHolding:
    """A lock held by a program on the host at the other end of an open channel."""

    def __init__(self, shell: Shell, owner: Owner, *, lease: float, receipt: str, dead: str = "") -> None:
        arguments = (owner.line(), str(int(lease)), receipt, dead)
        self._talk: Conversation | None = shell.start("hold_lock", arguments=arguments, run_id=owner.run)
        self._run_id = owner.run
        with contextlib.ExitStack() as undo:
            undo.callback(self._talk.stream.abort)
            # The program of a delivery is started already: sshd takes no input before a command runs.
            self._delivery: Conversation | None = _beside(shell, owner.run)
            undo.callback(self._delivery.stream.abort)
            before = time.time()
            parts = self._talk.answer()
            self._moments = (before, time.time())
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
        """What the host reported about itself."""
        return self._facts

    @property
    def surroundings(self) -> Surroundings | None:
        """The place around the app folder, by the same answer."""
        return surroundings(self._parts, *self._moments)

    def take_session(self) -> SshSession | None:
        """The tree as it was listed under the lock, given out once: later it may not be true any more."""
        talk, self._delivery = self._delivery, None
        return None if talk is None else SshSession(talk, self._run_id, tree_of(self._parts))

    def record_put_in(self, put_in: PutIn) -> None:
        """Sends the record through the open channel, and waits for nothing."""
        if self._talk:
            self._talk.send(f"={put_in}\n".encode())

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


def _beside(shell: Shell, run_id: str) -> Conversation:
    """The program of a delivery, beside the one that holds the lock.

    Raises Refused SSH_SESSIONS_FEW if the server runs one command at a time only.
    """
    try:
        return shell.start("apply_transfer", run_id=run_id, patience=SECOND_SESSION)
    except Refused as error:
        raise SSH_SESSIONS_FEW(f"{shell.where} runs only one command at a time: {error.cause}") from error


def _refuse_held(parts: Sequence[AnswerPart], where: str) -> None:
    if (held := held_in(parts)) is not None:
        raise HostLocked(held, where)
