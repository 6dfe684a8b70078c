"""Runs the shell programs over a transport and reads their marked answers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from bb8deploy.base.errors import Bb8Error, CheckFailed, Refused
from bb8deploy.catalogue.errors.host import (
    HOST_ANSWER_TOO_LONG,
    HOST_COMMAND_FAILED,
    HOST_DISK_FULL,
    HOST_EDITED_LIVE,
    HOST_SUDO_REFUSED,
    HOST_SWAP_REFUSED,
    LOCK_LOST,
    PREVIOUS_MISSING,
    SYNC_HOST_FAILED,
)
from bb8deploy.host.shell.load_programs import in_sh, program
from bb8deploy.host.shell.program_output import AnswerPart, sections
from bb8deploy.transport.transport_interface import Completed, Stream, Transport
from bb8deploy.workspace.ignore_patterns import STATE

STEP_DEADLINE = 300.0
ANSWER_LIMIT = 64 * 1024 * 1024
_REASONS = {
    "STAGE": "the state folder .bb8deploy beside it cannot be written",
    "COPY": "the present tree could not be copied beside it",
    "DELETE": "files of the new tree's folder could not be removed",
    "UNPACK": "the new files could not be unpacked",
    "TORN": "the new files did not arrive whole",
    "SWAP": "the state folder .bb8deploy beside it cannot be written",
    "STATE": "the state folder .bb8deploy beside it cannot be written",
}


class Shell:
    """Starts programs on one host for one app folder, through sudo if the user needs it.

    `keep` is how many earlier trees a swap keeps.
    """

    def __init__(self, transport: Transport, runtime: str, *, sudo: bool = False, keep: int = 3) -> None:
        self.transport = transport
        self.runtime = runtime
        self._keep = keep
        self._prefix = ("sudo", "-n") if sudo else ()

    @property
    def where(self) -> str:
        """`user@host:/folder`."""
        return f"{self.transport.where}:{self.runtime}"

    def start(
        self, *names: str, arguments: Sequence[str] = (), run_id: str = "look", patience: float = 30.0
    ) -> Conversation:
        """Starts the named programs one after the other, in one process on the host.

        A host that runs few commands at once is given `patience` seconds to end another one.
        """
        mark = secrets.token_hex(16)
        text = f"keep={self._keep}\n{program(*names)}"
        argv = (*self._prefix, *in_sh(text), mark, self.runtime, run_id, *arguments)
        return Conversation(self.transport.open(argv, patience=patience), mark, self.where)

    def ask(self, name: str, *arguments: str, stdin: bytes = b"", run_id: str = "look") -> list[AnswerPart]:
        """Runs a program whose whole input is known; returns its first answer."""
        with self.start(name, arguments=arguments, run_id=run_id) as talk:
            talk.send(stdin)
            talk.stream.close_input()
            return talk.answer()


class Conversation:
    """A running program: answers come up to their END line, input goes in between."""

    def __init__(self, stream: Stream, mark: str, where: str) -> None:
        self.stream = stream
        self._mark = mark
        self._where = where
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stream.abort()

    def send(self, data: bytes | Iterable[bytes], *, deadline: float = STEP_DEADLINE) -> bool:
        """Sends input; False if the program stopped reading; its answer then gives the reason."""
        try:
            for piece in (data,) if isinstance(data, bytes) else data:
                self.stream.write(piece, deadline=deadline)
        except BrokenPipeError:
            return False
        return True

    def answer(self, *, deadline: float = STEP_DEADLINE) -> list[AnswerPart]:
        """The next answer, whole within `deadline` seconds.

        Raises CheckFailed or Refused if the program failed or printed nothing.
        """
        until = time.monotonic() + deadline
        end = f"\n{self._mark} END\n".encode()
        got = bytearray(self._rest)
        seen = 0
        while (found := got.find(end, seen)) < 0:
            seen = max(0, len(got) - len(end))
            data = self.stream.read(deadline=max(0.0, until - time.monotonic()))
            if not data:
                raise self._silent(bytes(got))
            got += data
            if len(got) > ANSWER_LIMIT:
                raise _too_much(self._where)
        self._rest = bytes(got[found + len(end) - 1 :])
        parts = sections(bytes(got[: found + len(end)]), self._mark)
        for part in parts:
            if part.name == "FAIL":
                raise failure(part.argument, self._where, self._ended())
        return parts

    def after(self, got: bytes, name: str) -> bytes:
        """What follows the first line that announces `name`."""
        return got.partition(f"\n{self._mark} {name}\n".encode())[2]

    def _ended(self) -> Completed:
        return self.stream.finish(deadline=30.0)

    def _silent(self, got: bytes) -> Bb8Error:
        """The program ended without its END line: no sh, no sudo, killed, or stopped by the host."""
        done = self._ended()
        parts = [part.name for part in sections(got, self._mark)]
        if "FAIL" in parts:
            return failure("", self._where, done)
        if b"sudo:" in done.err:
            return HOST_SUDO_REFUSED(
                f"sudo on {self._where} does not run commands without a password: {done.complaint}"
            )
        return HOST_COMMAND_FAILED(
            f"the command on {self._where} ended before it had answered: {done.complaint}",
            details=done.err.decode(errors="replace").splitlines()[-8:],
        )


def failure(reason: str, where: str, done: Completed) -> Bb8Error:
    """The error for a step that failed on the host; the app folder is as it was before."""
    details = done.err.decode(errors="replace").splitlines()[-8:]
    text = "\n".join(details)
    if reason == "LOCK":
        return LOCK_LOST(
            f"the lock of {where} was lost while the new tree was on its way; nothing was changed"
        )
    if reason.startswith("MOVED"):
        return edited_live(where, reason.partition(" ")[2])
    if reason == "NO_PREVIOUS":
        return PREVIOUS_MISSING(f"{where} has no such earlier tree")
    if "No space left" in text or "quota" in text.lower():
        return HOST_DISK_FULL(f"the disk of {where} is full; the earlier tree is in place", details=details)
    if reason == "RENAME":
        return HOST_SWAP_REFUSED(
            f"{where} could not be replaced in one step; the earlier tree is in place", details=details
        )
    return SYNC_HOST_FAILED(
        f"{where} was not changed: {_REASONS.get(reason, 'a step failed on the host')}", details=details
    )


def edited_live(where: str, kept: str = "") -> CheckFailed:
    """The error for an app folder that another program writes; `kept` is the earlier tree with an edit of the
    delivery that was taken out again."""
    folder, _, name = where.rpartition("/")
    also = f"; what it changed in the new files is kept in {folder}/{STATE}/{name}/{kept}" if kept else ""
    return HOST_EDITED_LIVE(f"{where} was changed by another program{also}")


def _too_much(where: str) -> Refused:
    return HOST_ANSWER_TOO_LONG(f"{where} lists more than {ANSWER_LIMIT // 1024**2} MiB of names")
