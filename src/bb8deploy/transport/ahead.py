"""Opens session channels one ahead, so that a command costs one round trip instead of two."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

OPEN_DEADLINE = 30.0


class ChannelsAhead:
    """The session channels of one connection; the next one is asked for before it is needed.

    A server with few sessions left (sshd's MaxSessions) refuses it, which costs nothing: the command that
    needs it asks once more and waits.
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport
        self._pool = ThreadPoolExecutor(1, "bb8deploy-channel")
        self._lock = threading.Lock()
        self._next: Future[paramiko.Channel] | None = None
        self.ask()

    def ask(self) -> None:
        """Asks for the next channel, unless one is on its way or there; waits for nothing."""
        with self._lock, contextlib.suppress(RuntimeError):  # of a pool that is closed
            if self._next is None and self._transport.is_active():
                self._next = self._pool.submit(self._open)

    def take(self) -> tuple[paramiko.Channel, bool]:
        """A channel, and whether it had to be waited for.

        Raises SSHException, OSError or EOFError where the server gives none.
        """
        import paramiko

        with self._lock:
            ahead, self._next = self._next, None
        if ahead is not None:
            waited = not ahead.done()
            with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                channel = ahead.result()
                if not channel.closed:
                    return channel, waited
        return self._open(), True

    def close(self) -> None:
        """Lets go of the thread; the connection's end takes the channels away."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> paramiko.Channel:
        channel = self._transport.open_session(timeout=OPEN_DEADLINE)
        channel.settimeout(OPEN_DEADLINE)
        return channel
