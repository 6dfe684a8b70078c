"""The answers that are under way: when they came, whether the broker has them, what the robot answered."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

PING_EVERY_S = 1.0


@dataclass(slots=True)
class Trip:
    """The way of one answer: telemetry goes out when the broker has it and the robot, if asked, is known."""

    received: float
    """Monotonic seconds."""
    rtt_ms: float | None = None
    pinging: bool = False
    ble_ok: bool | None = None
    ble_latency_ms: float | None = None


class Trips:
    """The trips that are not whole yet; may be used from any thread.

    It never calls paho, which calls back with a lock of its own: a timer that published with this lock and a
    callback that waited for this lock would wait for each other.
    """

    def __init__(self) -> None:
        """Start without one."""
        self._lock = threading.Lock()
        self._trips: dict[int, Trip] = {}
        self._pings: dict[str, Trip] = {}
        self._last_ping = float("-inf")
        self._ping_number = 0

    def sent(self, mid: int, received: float) -> str | None:
        """Take the answer with this message id; returns the id of a ping to ask for, at most one a second."""
        with self._lock:
            trip = self._trips[mid] = Trip(received)
            if received - self._last_ping < PING_EVERY_S or self._pings:
                return None
            self._last_ping = received
            self._ping_number += 1
            cid = f"echo-{os.getpid()}-{self._ping_number}"
            trip.pinging = True
            self._pings[cid] = trip
            return cid

    def delivered(self, mid: int, at: float) -> Trip | None:
        """Take the broker's receipt, at monotonic seconds; returns the trip if it is whole now."""
        with self._lock:
            trip = self._trips.pop(mid, None)
            if trip is None:
                return None
            trip.rtt_ms = round((at - trip.received) * 1000, 3)
            return None if trip.pinging else trip

    def ping_ended(self, cid: str, ok: bool, latency_ms: float | None) -> Trip | None:
        """Take the result of a ping; returns its trip if it is whole now. A second result does not count."""
        with self._lock:
            trip = self._pings.pop(cid, None)
            if trip is None:
                return None
            trip.pinging, trip.ble_ok, trip.ble_latency_ms = False, ok, latency_ms
            return None if trip.rtt_ms is None else trip

    def unanswered(self) -> tuple[str, ...]:
        """The ids of the pings without a result."""
        with self._lock:
            return tuple(self._pings)

    def forget(self) -> None:
        """The connection is lost, so that no receipt and no result can come."""
        with self._lock:
            self._trips.clear()
            self._pings.clear()
