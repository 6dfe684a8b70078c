"""The packets on the wire, for the page's log: when, in which direction, and their bytes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bb8_core.ring_buffer import Ring
from bb8_core.robot.async_messages import AsyncId
from bb8_core.robot.packet_framing import AsyncPacket, Command, Response, mrsp_name

KEPT = 1000


@dataclass(frozen=True, slots=True)
class LoggedPacket:
    """One packet: Unix time in seconds, `out`, `in` or `event`, what it is, its data in hexadecimal."""

    at: float
    way: str
    name: str
    data: str


class PacketLog:
    """Keeps the newest packets. The event loop adds, any thread reads."""

    def __init__(self) -> None:
        """Start empty."""
        self.ring: Ring[LoggedPacket] = Ring(KEPT)

    def sent(self, command: Command) -> None:
        """A command is being written."""
        self._add("out", command.name, command.data)

    def received(self, packet: Response | AsyncPacket) -> None:
        """A packet came."""
        if isinstance(packet, Response):
            self._add("in", mrsp_name(packet.mrsp), packet.data)
        elif packet.id != AsyncId.SENSORS:  # eight a second would drive out all others
            self._add("event", _event_name(packet.id), packet.data)

    def _add(self, way: str, name: str, data: bytes) -> None:
        self.ring.add(LoggedPacket(round(time.time(), 3), way, name, data.hex(" ")))


def _event_name(number: int) -> str:
    try:
        return AsyncId(number).name.lower()
    except ValueError:
        return f"event {number}"
