"""What every way to a machine offers: run one command with a deadline, or stream through one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from bb8deploy.base.errors import Interrupted
from bb8deploy.catalogue.errors.tool import INTERRUPTED


@dataclass(frozen=True, slots=True)
class Completed:
    """How a remote command ended: exit status, or the signal that killed it; its two outputs; seconds.

    Exactly one of `status` and `signal` is set; `signal` is a name without SIG, `unknown` where the
    server did not report it.
    """

    argv: tuple[str, ...]
    status: int | None
    signal: str | None
    out: bytes
    err: bytes
    seconds: float

    @property
    def ok(self) -> bool:
        """True for exit status 0."""
        return self.status == 0

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode(errors="replace")

    @property
    def complaint(self) -> str:
        """The last line of standard error, else how the command ended."""
        lines = self.err.decode(errors="replace").strip().splitlines()
        ended = f"killed by signal {self.signal}" if self.signal else f"exit status {self.status}"
        return lines[-1].strip() if lines else ended


@dataclass(slots=True)
class Stats:
    """What a connection has cost so far. `waits` counts the times that we waited for an answer on it."""

    connections: int = 0
    channels: int = 0
    waits: int = 0
    bytes_out: int = 0
    bytes_in: int = 0


class Stream(Protocol):
    """An open remote command: bytes in, bytes out, each call with its own deadline in seconds."""

    def write(self, data: bytes, *, deadline: float) -> None:
        """Sends all of `data`. Raises BrokenPipeError if the command has stopped reading."""

    def close_input(self) -> None:
        """Closes the command's standard input."""

    def read(self, *, deadline: float) -> bytes:
        """The next bytes of standard output; empty at its end."""

    def finish(self, *, deadline: float) -> Completed:
        """Closes the input and waits for the end; `out` holds what was not read yet."""

    def abort(self) -> None:
        """Ends the command's channel without waiting."""


class Transport(Protocol):
    """One connection to one machine. Every word of `argv` is quoted for the remote shell by itself."""

    @property
    def where(self) -> str:
        """The machine's name for people, such as `root@homeassistant.local`."""

    @property
    def stats(self) -> Stats:
        """What the connection has cost so far."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", deadline: float) -> Completed:
        """Runs a command to its end. Raises Unreachable when the connection or the deadline is lost."""

    def open(self, argv: Sequence[str], *, patience: float = 30.0) -> Stream:
        """Starts a command for streaming.

        A machine that runs few commands at once is given `patience` seconds to end another one.
        """

    def close(self) -> None:
        """Ends the connection; calling it twice is fine."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def given_up(where: str) -> Interrupted:
    """The error for using a connection that this run has closed, because it was interrupted."""
    return INTERRUPTED(
        "the run was interrupted; what was observed so far is kept",
        details=(f"the connection to {where} was closed while it was in use",),
    )
