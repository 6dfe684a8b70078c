"""The second connection to the broker, for stops alone: a flood on other topics cannot fill its queue."""

from __future__ import annotations

import logging
from typing import Final, Protocol

COLLISION_S: Final = 0.5
"""An end of the first connection so close to the start of the second is its doing; paho retries after 1 s."""

_log = logging.getLogger("bb8.mqtt")


class Connection(Protocol):
    """The part of MqttClient that StopConnection uses."""

    def start(self) -> None:
        """Connect in the background."""

    def leave(self) -> None:
        """Disconnect, without waiting for it."""


class StopConnection:
    """Decides when to have the second connection; it matters only in a flood.

    A broker that takes the user name for the client id ends one of our connections for the other, again and
    again: then the second one is given up.
    """

    def __init__(self, connection: Connection) -> None:
        """Nothing is sent before the first connection is up. Times are passed in (monotonic s)."""
        self._connection = connection
        self._started = False
        self._reason = ""
        self._up_at = float("-inf")
        self._first_ended_at = float("-inf")

    @property
    def collides(self) -> bool:
        """Whether the broker ends the first connection because of the second."""
        return abs(self._up_at - self._first_ended_at) < COLLISION_S

    def first_up(self) -> None:
        """The first connection is up, so ours may be made."""
        if not self._started:
            self._started = True
            self._connection.start()

    def first_ended(self, now: float) -> None:
        """The first connection, which was up, has ended."""
        self._first_ended_at = now

    def up(self, now: float) -> None:
        """Ours is up."""
        self._up_at = now
        self._reason = ""
        _log.info("stops have a connection of their own, too")

    def down(self, reason: str) -> None:
        """Ours has ended, or could not be made; each new reason is logged once."""
        if reason != self._reason:
            self._reason = reason
            _log.warning("stops come with all other commands only: %s", reason)

    def leave(self) -> None:
        """End ours permanently."""
        if self._started:
            self._connection.leave()

    def give_up(self) -> None:
        """End ours because of a collision."""
        _log.warning(
            "stops come with all other commands only: the broker takes our two connections for one "
            "(mosquitto does so with use_username_as_clientid)"
        )
        self.leave()
