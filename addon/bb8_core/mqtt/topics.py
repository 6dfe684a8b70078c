"""The names of all topics, from the base topic and the discovery prefix."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """`base` and `discovery` as the options give them, without slashes at the ends."""

    base: str = "bb8"
    discovery: str = "homeassistant"

    @property
    def bridge(self) -> str:
        """Whether the bridge runs: online or offline, retained, last will."""
        return f"{self.base}/status"

    @property
    def commands(self) -> str:
        """The filter of all commands."""
        return f"{self.base}/cmd/#"

    @property
    def event(self) -> str:
        """What happened."""
        return f"{self.base}/event"

    @property
    def ble_ready(self) -> str:
        """Asks whether the robot can be reached by radio."""
        return f"{self.base}/ble_ready/cmd"

    @property
    def birth(self) -> str:
        """Where Home Assistant reports that it has started."""
        return f"{self.discovery}/status"

    def command(self, cmd: str) -> str:
        """Where a command goes."""
        return f"{self.base}/cmd/{cmd}"

    def command_of(self, topic: str) -> str | None:
        """The command that a topic names, or None for another topic."""
        prefix = f"{self.base}/cmd/"
        return topic[len(prefix) :] if topic.startswith(prefix) else None

    def ack(self, cmd: str) -> str:
        """Where a command is acknowledged."""
        return f"{self.base}/ack/{cmd}"

    def status(self, key: str) -> str:
        """A status of the bridge."""
        return f"{self.base}/status/{key}"

    def state(self, key: str) -> str:
        """A state of the robot."""
        return f"{self.base}/state/{key}"

    def config(self, device_id: str) -> str:
        """The discovery message of a device."""
        return f"{self.discovery}/device/{device_id}/config"
