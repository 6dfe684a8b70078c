"""A listener in the place of the MQTT side, shared by the app's tests."""

from __future__ import annotations

from typing import Any


class Ears:
    """Keeps what the bridge says."""

    def __init__(self) -> None:
        self.acks: list[tuple[str, dict[str, Any]]] = []
        self.states: dict[str, Any] = {}
        self.statuses: dict[str, Any] = {}
        self.history: list[tuple[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.robots: list[tuple[str, str, str]] = []

    def ack(self, cmd: str, body: dict[str, Any]) -> None:
        self.acks.append((cmd, body))

    def state(self, key: str, value: Any) -> None:
        self.states[key] = value
        self.history.append((key, value))

    def status(self, key: str, value: Any) -> None:
        self.statuses[key] = value
        self.history.append((key, value))

    def event(self, body: dict[str, Any]) -> None:
        self.events.append(body)

    def say(self, path: str, body: dict[str, Any]) -> None:
        self.said.append((path, body))

    def robot_known(self, address: str, name: str, firmware: str) -> None:
        self.robots.append((address, name, firmware))

    def statuses_of(self, cmd: str, cid: object) -> list[str]:
        return [body["status"] for name, body in self.acks if name == cmd and body["cid"] == cid]

    def last(self, cmd: str, cid: object) -> dict[str, Any]:
        return next(body for name, body in reversed(self.acks) if name == cmd and body["cid"] == cid)
