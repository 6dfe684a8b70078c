"""One remote command over paramiko: both outputs are always read, so nothing can block forever.

paramiko's own file objects hang when the other output fills the shared window, ignore the channel's
timeout while waiting for the exit status, and forget the name of a signal; this module does without them.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bb8deploy.base.errors import Refused, Unreachable
from bb8deploy.catalogue.errors.ssh import SSH_DEADLINE, SSH_EXEC_REFUSED, SSH_LOST
from bb8deploy.transport.send_order import SendOrder
from bb8deploy.transport.transport_interface import Completed, Stats

if TYPE_CHECKING:
    import paramiko

MAX_ERR = 256 * 1024
CHUNK = 128 * 1024
PACKET = 32 * 1024 - 64
"""The most that paramiko puts into one packet of OpenSSH's 32 KiB; it would copy more for nothing."""
WRITE_SLICE = 0.25
QUIET_AFTER_EXIT = 2.0


class SshStream:
    """An open exec channel.

    `signals` gets the names of signals that ended channels, by channel id. `order` is that of the
    connection's sends.
    """

    def __init__(
        self,
        channel: paramiko.Channel,
        argv: Sequence[str],
        *,
        where: str,
        stats: Stats,
        signals: dict[int, str],
        order: SendOrder,
    ) -> None:
        self._channel = channel
        self._argv = tuple(argv)
        self._where = where
        self._stats = stats
        self._signals = signals
        self._order = order
        self._out = bytearray()
        self._err = bytearray()
        self._started = time.monotonic()
        self._input_open = True
        self._said_something = True  # the command itself
        self._asked = self._started
        self._fd = channel.fileno()
        self._ssh_error = _ssh_error()

    def write(self, data: bytes, *, deadline: float) -> None:
        """Sends all of `data` within `deadline` seconds, draining both outputs meanwhile."""
        end = time.monotonic() + deadline
        self._channel.settimeout(WRITE_SLICE)
        view = memoryview(data)
        while view:
            sent = self._send(view[:PACKET])
            view = view[sent:]
            self._drain()
            if not sent and time.monotonic() > end:
                self._overrun(deadline)
        self._stats.bytes_out += len(data)
        self._said_something = True

    def close_input(self) -> None:
        """Sends end-of-file once."""
        if self._input_open:
            self._input_open = False
            self._said_something = True
            self._quietly(self._send_end)

    def read(self, *, deadline: float) -> bytes:
        """The next bytes of standard output, empty at its end."""
        end = time.monotonic() + deadline
        self._count_wait()
        while True:
            over = self._over()
            self._drain()
            if self._out:
                return self._take()
            if over:
                self._check_alive()
                return b""
            if not self._wait(end):
                self._overrun(time.monotonic() - self._asked)

    def finish(self, *, deadline: float) -> Completed:
        """Closes the input, reads the rest and gives how the command ended."""
        end = time.monotonic() + deadline
        self.close_input()
        self._count_wait()
        quiet_since: float | None = None
        while not (self._over() and self._channel.exit_status_ready()):
            if self._drain():
                quiet_since = None
            elif self._channel.exit_status_ready():
                quiet_since = quiet_since or time.monotonic()
                if time.monotonic() - quiet_since > QUIET_AFTER_EXIT:
                    break
            if not self._wait(end):
                self._overrun(deadline)
        self._drain()
        completed = self._completed()
        self.abort()
        return completed

    def abort(self) -> None:
        """Closes the channel; the server then hangs up on the command."""
        self._input_open = False
        self._quietly(self._channel.close)

    def _count_wait(self) -> None:
        """An answer to what we sent is a round trip; further pieces of the same answer are not."""
        if self._said_something:
            self._stats.waits += 1
            self._asked = time.monotonic()
        self._said_something = False

    def _send(self, data: memoryview) -> int:
        """The bytes that were taken, 0 if the window stayed shut for a moment."""
        try:
            with self._order.sending(self._channel):
                sent = self._channel.send(bytes(data))
        except TimeoutError:
            return 0
        except OSError as error:
            self._check_alive()
            raise BrokenPipeError(f"{self._argv[0]} stopped reading") from error
        except (EOFError, self._ssh_error) as error:
            raise lost(self._where) from error
        if not sent:
            self._check_alive()
            raise BrokenPipeError(f"{self._argv[0]} stopped reading")
        return sent

    def _send_end(self) -> None:
        """Sends end-of-file."""
        with self._order.sending(self._channel):
            self._channel.shutdown_write()

    def _drain(self) -> bool:
        """Takes what has arrived; True if there was anything."""
        found = False
        while self._channel.recv_ready():
            data = self._channel.recv(CHUNK)
            self._out += data
            self._stats.bytes_in += len(data)
            found = True
        while self._channel.recv_stderr_ready():
            self._err += self._channel.recv_stderr(CHUNK)
            del self._err[:-MAX_ERR]
            found = True
        return found

    def _take(self) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    def _over(self) -> bool:
        return bool(self._channel.eof_received or self._channel.closed)

    def _wait(self, end: float) -> bool:
        """Waits for news for a moment; False once `end` has passed."""
        left = end - time.monotonic()
        if left <= 0:
            return False
        if self._over():
            self._channel.status_event.wait(min(left, WRITE_SLICE))
        else:
            select.select([self._fd], [], [], min(left, WRITE_SLICE))
        return True

    def _completed(self) -> Completed:
        status: int | None = self._channel.exit_status
        signal: str | None = None
        if status is None or status < 0:
            self._check_alive()
            status, signal = None, self._signals.pop(self._channel.get_id(), "")
            if not signal and not self._channel.event_ready:  # set by the server's yes to the command
                raise refused(self._where, "the server refused it")
            signal = signal or "unknown"
        seconds = time.monotonic() - self._started
        return Completed(self._argv, status, signal, self._take(), bytes(self._err), seconds)

    def _check_alive(self) -> None:
        transport = self._channel.get_transport()
        if not transport.is_active():
            raise lost(self._where)

    def _overrun(self, seconds: float) -> None:
        self.abort()
        raise SSH_DEADLINE(
            f"`{self._argv[0]}` on {self._where} did not answer within {seconds:.0f} s",
            details=self._err.decode(errors="replace").splitlines()[-5:],
        )

    def _quietly(self, call: Callable[[], object]) -> None:
        """Closes a connection that may be gone already."""
        with contextlib.suppress(OSError, EOFError, self._ssh_error):
            call()


def _ssh_error() -> type[Exception]:
    """What paramiko raises, next to EOFError and OSError, on a connection that has ended."""
    import paramiko

    return paramiko.SSHException


def refused(where: str, why: str) -> Refused:
    """The error for a server that takes no command."""
    return SSH_EXEC_REFUSED(f"{where} does not let us run a command: {why}")


def lost(where: str) -> Unreachable:
    """The error for a connection that ended while it was in use."""
    return SSH_LOST(f"the connection to {where} was lost")
