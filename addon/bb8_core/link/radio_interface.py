"""The interface of a radio, and the errors that it raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bb8_core.link.connection_states import Cause


class LinkError(Exception):
    """The radio could not do what was asked; `cause` gives the reason."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        """Keep the cause and, for the log, what the radio reported."""
        super().__init__(f"{cause}: {detail}" if detail else str(cause))
        self.cause = cause


class AnswerTimeout(Exception):
    """The robot did not answer a command in time."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One advertisement of the robot: when (monotonic seconds) and how loud (dBm)."""

    device: Any
    address: str
    name: str
    rssi: int
    at: float
    through: str = ""
    """Name of the Bluetooth proxy that heard it; empty for the host's adapter."""


class Peer(Protocol):
    """An open connection to one robot. Every method raises LinkError."""

    @property
    def path(self) -> str:
        """BlueZ's object path of the device; empty if the radio is not BlueZ."""

    async def subscribe(self, on_data: Callable[[bytes], None]) -> None:
        """Have the robot's notifications delivered, in order, on the event loop."""

    async def write(self, characteristic: str, data: bytes) -> None:
        """Write at most 20 bytes and wait until the robot's radio acknowledged them."""

    async def disconnect(self) -> bool:
        """Close the connection; returns whether it has ended for sure.

        Never raises and ends within its own deadline.
        """


class Radio(Protocol):
    """A Bluetooth adapter. Every method raises LinkError."""

    async def start_scan(self, on_sighting: Callable[[Sighting], None]) -> None:
        """Listen for the robot until `stop_scan`; does nothing while listening already."""

    async def stop_scan(self) -> None:
        """Stop listening; never raises."""

    async def connect(self, sighting: Sighting, on_drop: Callable[[], None]) -> Peer:
        """Connect within a deadline of its own; `on_drop` is called when the connection has ended."""
