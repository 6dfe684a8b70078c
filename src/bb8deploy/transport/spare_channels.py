"""Opens session channels in advance, so that a command costs one round trip instead of two."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

OPEN_DEADLINE = 30.0
AHEAD = 2
PATIENCE = 30.0
"""Seconds that a command waits for a session where the server has given as many as it allows."""
_PAUSE = 0.05


class ChannelsAhead:
    """The session channels of one connection; the next ones are asked for before they are needed.

    A server with few sessions left (sshd's MaxSessions) refuses them, which costs nothing: the command that
    needs one asks again and waits for another command's end.
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport
        self._pool = ThreadPoolExecutor(AHEAD, "bb8deploy-channel")
        self._lock = threading.Lock()
        self._ready: deque[Future[paramiko.Channel]] = deque()
        self._given = False
        self.ask()
        self._first = tuple(self._ready)

    def ask(self) -> None:
        """Asks for the next channels, but for those that are there or on their way; waits for nothing."""
        with self._lock, contextlib.suppress(RuntimeError):  # of a pool that is closed
            while len(self._ready) < AHEAD and self._transport.is_active():
                self._ready.append(self._pool.submit(self._open))

    def take(self, patience: float = PATIENCE) -> tuple[paramiko.Channel, bool]:
        """A channel, and whether it had to be waited for.

        Raises SSHException, OSError or EOFError if the server gives none: at once if it has never given one,
        else after `patience` seconds.
        """
        import paramiko

        end = time.monotonic() + patience
        while True:
            try:
                return self._next()
            except paramiko.SSHException:  # of several refusals at once paramiko gives but one its own class
                if not self._gives() or time.monotonic() > end or not self._transport.is_active():
                    raise
            time.sleep(_PAUSE)

    def _gives(self) -> bool:
        """Whether the server has given a session; known once it has answered the first requests."""
        if not self._given:
            wait(self._first, OPEN_DEADLINE)
        return self._given

    def close(self) -> None:
        """Lets go of the thread; the connection's end takes the channels away."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> tuple[paramiko.Channel, bool]:
        import paramiko

        while (ahead := self._pop()) is not None:
            waited = not ahead.done()
            with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
                channel = ahead.result()
                if not channel.closed:
                    return channel, waited
        return self._open(), True

    def _pop(self) -> Future[paramiko.Channel] | None:
        with self._lock:
            return self._ready.popleft() if self._ready else None

    def _open(self) -> paramiko.Channel:
        channel = self._transport.open_session(timeout=OPEN_DEADLINE)
        self._given = True
        channel.settimeout(OPEN_DEADLINE)
        return channel
