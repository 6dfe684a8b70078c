"""What every way to a machine offers: run one command with a deadline, or stream through one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Completed:
    """How a remote command ended: exit status, or the signal that killed it; its two outputs; seconds."""

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


class Stream(Protocol):
    """An open remote command: bytes in, bytes out, each call with its own deadline in seconds."""

    def write(self, data: bytes, *, deadline: float) -> None:
        """Sends all of `data`."""

    def close_input(self) -> None:
        """Tells the command that nothing more comes."""

    def read(self, *, deadline: float) -> bytes:
        """The next bytes of standard output; empty at its end."""

    def finish(self, *, deadline: float) -> Completed:
        """Waits for the end; `out` holds what was not read yet."""

    def abort(self) -> None:
        """Ends the command's channel without waiting."""


class Transport(Protocol):
    """One connection to one machine. Every word of `argv` is quoted for the remote shell by itself."""

    @property
    def where(self) -> str:
        """The machine's name for people, such as `root@homeassistant.local`."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", deadline: float) -> Completed:
        """Runs a command to its end. Raises Unreachable when the connection or the deadline is lost."""

    def open(self, argv: Sequence[str]) -> Stream:
        """Starts a command for streaming."""

    def close(self) -> None:
        """Ends the connection; calling it twice is fine."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
