"""What the bridge needs from the world around it: somebody to tell."""

from __future__ import annotations

from typing import Any, Protocol


class Voice(Protocol):
    """Publishes for the bridge; never blocks, never raises, drops what nobody can hear."""

    def ack(self, cmd: str, body: dict[str, Any]) -> None:
        """Acknowledge a command (`<base>/ack/<cmd>`)."""

    def state(self, key: str, value: Any) -> None:
        """Tell a state that stays (`<base>/state/<key>`, retained)."""

    def status(self, key: str, value: Any) -> None:
        """Tell a status that stays (`<base>/status/<key>`, retained)."""

    def event(self, body: dict[str, Any]) -> None:
        """Tell what happened (`<base>/event`)."""

    def say(self, path: str, body: dict[str, Any]) -> None:
        """Tell once, under `<base>/<path>`."""

    def robot_known(self, address: str, name: str, firmware: str) -> None:
        """Who the robot is, as soon as it is known and whenever it changes."""
