"""How the bridge publishes."""

from __future__ import annotations

from typing import Any, Protocol


class Voice(Protocol):
    """Publishes for the bridge; never blocks or raises, and drops messages without a connection."""

    def ack(self, cmd: str, body: dict[str, Any]) -> None:
        """Acknowledge a command (`<base>/ack/<cmd>`)."""

    def state(self, key: str, value: Any) -> None:
        """Publish a state, retained (`<base>/state/<key>`, retained)."""

    def status(self, key: str, value: Any) -> None:
        """Publish a status, retained (`<base>/status/<key>`, retained)."""

    def event(self, body: dict[str, Any]) -> None:
        """Publish an event (`<base>/event`)."""

    def say(self, path: str, body: dict[str, Any]) -> None:
        """Publish once, under `<base>/<path>`."""

    def robot_known(self, address: str, name: str, firmware: str) -> None:
        """The robot's identity is known or has changed."""
