"""Retained states: each is published when it has settled, and all of them again after a reconnection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

DEFAULT_SETTLE_S: Final = 0.05
SETTLE_S: Final[Mapping[str, float]] = {"telemetry": 2.0, "refusals": 2.0, "last_command": 0.5}
"""How long a state that changes often is held back, so that only the newest is published."""
RETRY_S: Final = 1.0
"""When to try again what a full queue to the broker refused."""


class Publisher(Protocol):
    """The part of MqttClient that the announcer uses."""

    @property
    def connected(self) -> bool:
        """Whether publishing makes sense."""

    def publish(self, topic: str, payload: str, qos: int = 0, retain: bool = False) -> bool:
        """Hand over a message."""


class RetainedStates:
    """Keeps the newest payload of each topic. Belongs to the event loop."""

    def __init__(self) -> None:
        """Start empty and without a publisher."""
        self.publisher: Publisher | None = None
        self._kept: dict[str, str] = {}
        self._dirty: dict[str, asyncio.TimerHandle] = {}

    @property
    def connected(self) -> bool:
        """Whether publishing makes sense."""
        return self.publisher is not None and self.publisher.connected

    def keep(self, topic: str, key: str, value: Any) -> None:
        """Keep a value, JSON or plain text, and publish it when it has settled."""
        payload = value if isinstance(value, str) else json.dumps(value)
        if self._kept.get(topic) == payload:
            return
        self._kept[topic] = payload
        if topic not in self._dirty:
            settle_s = SETTLE_S.get(key, DEFAULT_SETTLE_S)
            self._dirty[topic] = asyncio.get_running_loop().call_later(settle_s, self._publish_kept, topic)

    def publish_all(self) -> bool:
        """Publish everything now; returns whether the queue took all of it."""
        for timer in self._dirty.values():
            timer.cancel()
        self._dirty.clear()
        refused = [
            topic for topic, payload in self._kept.items() if not self.publish(topic, payload, 1, True)
        ]
        return not refused

    def flush(self) -> None:
        """Publish what is held back, and nothing more afterwards."""
        for topic in tuple(self._dirty):
            self._dirty.pop(topic).cancel()
            self.publish(topic, self._kept[topic], 1, True)
        self.publisher = None

    def publish(self, topic: str, payload: str, qos: int, retain: bool = False) -> bool:
        """Publish at once; False if it was refused and has to be tried again.

        Without a connection nothing is kept here: everything is published after the next connection.
        """
        if self.publisher is None or not self.publisher.connected:
            return True
        return self.publisher.publish(topic, payload, qos, retain)

    def _publish_kept(self, topic: str) -> None:
        self._dirty.pop(topic, None)
        if not self.publish(topic, self._kept[topic], 1, True):
            loop = asyncio.get_running_loop()
            self._dirty[topic] = loop.call_later(RETRY_S, self._publish_kept, topic)
