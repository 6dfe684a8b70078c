"""Pairs the copies of a stop that arrive over two connections, so that each stop counts once."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from bb8_core.requests.payload_parsing import Estop, Stop, stops_regardless
from bb8_core.requests.refuse_or_accept import RawCommand
from bb8_core.requests.thread_inbox import Inbox

TWIN_S = 0.5
"""A copy that comes so late after the other has nothing new: what moves the robot now was asked since."""
OVERTAKEN_S = 10.0
"""How far the connection of all commands may be behind that of the stops alone."""
REMEMBERED = 1000
"""Deliveries that are remembered of each; of a flood of stops the newest do."""


class StopCopies:
    """Pairs the copies of a stop on the two connections, one to one; times are passed in (monotonic s)."""

    def __init__(self) -> None:
        self._delivered: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._ahead: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)

    def regular(self, cmd: str, payload: bytes, now: float) -> None:
        """The connection of all commands has delivered a stop."""
        key = hash((cmd, payload))
        if not _take(self._ahead, key, now - OVERTAKEN_S):
            self._delivered.append((now, key))

    def twin(self, cmd: str, payload: bytes, now: float) -> bool:
        """The connection of the stops has delivered one; returns whether to stop now because of it."""
        key = hash((cmd, payload))
        if _take(self._delivered, key, now - TWIN_S):
            return False
        if not _take(self._delivered, key, now - OVERTAKEN_S):
            self._ahead.append((now, key))
        return True

    def sent_by(self, now: float) -> float:
        """The latest moment at which a regular command may have been sent that comes now.

        While the regular copy of a stop is missing, all that comes is older than that stop: it was in front
        of the copy, or the copy was dropped.
        """
        if not self._ahead or self._ahead[-1][0] < now - OVERTAKEN_S:
            return now
        return math.nextafter(self._ahead[-1][0], -math.inf)

    def forget(self) -> None:
        """One of the connections is new: copies that are missing will not come any more."""
        self._delivered.clear()
        self._ahead.clear()


def _take(seen: deque[tuple[float, int]], key: int, since: float) -> bool:
    """Remove the oldest of this key that is not older than `since`; returns whether there was one."""
    for entry in seen:
        if entry[1] == key and entry[0] >= since:
            seen.remove(entry)
            return True
    return False


class Arrivals:
    """Takes what both connections deliver, each in its own thread, and fills the inbox in a sound order."""

    def __init__(self, inbox: Inbox, stop: Callable[[Stop | Estop, float], None]) -> None:
        """Have `stop` called on the loop for a stop that overtook: the intent, and when it came."""
        self._inbox = inbox
        self._stop = stop
        self._twins = StopCopies()
        self._lock = threading.Lock()

    def regular(self, raw: RawCommand) -> None:
        """A command on the connection of all commands, where it is obeyed and acknowledged in its order."""
        self._inbox.arrived(raw.received_at)
        with self._lock:
            if stops_regardless(raw.cmd) is not None:
                self._twins.regular(raw.cmd, raw.payload, raw.received_at)
                self._inbox.put(raw)  # a stop is never older than what it has to stop
            else:
                self._inbox.put(replace(raw, received_at=self._twins.sent_by(raw.received_at)))

    def fast(self, raw: RawCommand) -> None:
        """A stop on the connection that a flood of other topics cannot fill: if it is news, stop unasked."""
        stop = stops_regardless(raw.cmd)
        if stop is None:
            return
        with self._lock:
            if self._twins.twin(raw.cmd, raw.payload, raw.received_at):
                self._inbox.urge(lambda: self._stop(stop, raw.received_at))

    def other(self, at: float) -> None:
        """A message that is not a command fills the same queue of the broker."""
        self._inbox.arrived(at)

    def reconnected(self) -> None:
        """One of the connections was established again."""
        with self._lock:
            self._twins.forget()
