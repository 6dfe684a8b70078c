"""Publishes for the bridge: what stays is kept and told again after each reconnection, in the right order."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from bb8_core.bridge.latch import write_atomically
from bb8_core.mqtt.discovery import Robot, components, ids, message
from bb8_core.mqtt.topics import Topics

SETTLE_S: Final[Mapping[str, float]] = {"telemetry": 2.0, "refusals": 2.0}
"""How long a state that changes often is held back, so that only the newest goes out."""
DEFAULT_SETTLE_S: Final = 0.05
BIRTH_JITTER_S: Final = 2.0

_log = logging.getLogger("bb8.mqtt")


class Publisher(Protocol):
    """The part of MqttClient that the announcer uses."""

    @property
    def connected(self) -> bool:
        """Whether publishing makes sense."""

    def publish(self, topic: str, payload: str, qos: int = 0, retain: bool = False) -> bool:
        """Hand over a message."""


@dataclass(frozen=True, slots=True)
class About:
    """What the discovery message says of us."""

    version: str
    macros: tuple[str, ...]
    speed_cap: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier runs announced: the robot and its components."""

    robot: Robot | None = None
    former: tuple[str, ...] = ()


class Announcer:
    """The bridge's Voice on MQTT. All methods belong to the event loop."""

    def __init__(
        self, topics: Topics, about: About, file: Path, save: Callable[[Callable[[], object]], None]
    ) -> None:
        """Remember in `file` what was announced; `save` runs file operations outside of the loop."""
        self._topics = topics
        self._about = about
        self._file = file
        self._save = save
        self._publisher: Publisher | None = None
        self._kept: dict[str, str] = {}
        self._dirty: dict[str, asyncio.TimerHandle] = {}
        memory = load_memory(file)
        self._robot = memory.robot
        self._former = memory.former

    @property
    def robot_address(self) -> str:
        """The address of the robot that we know, be it from an earlier run; empty if none."""
        return self._robot.address if self._robot else ""

    def attach(self, publisher: Publisher) -> None:
        """Speak through this client."""
        self._publisher = publisher

    # Voice

    def ack(self, cmd: str, body: dict[str, Any]) -> None:
        """Acknowledge a command, QoS 1."""
        self._publish(self._topics.ack(cmd), json.dumps(body), qos=1)

    def state(self, key: str, value: Any) -> None:
        """Keep and tell a state."""
        self._keep(self._topics.state(key), value, SETTLE_S.get(key, DEFAULT_SETTLE_S))

    def status(self, key: str, value: Any) -> None:
        """Keep and tell a status; plain text goes as it is."""
        self._keep(self._topics.status(key), value, SETTLE_S.get(key, DEFAULT_SETTLE_S))

    def event(self, body: dict[str, Any]) -> None:
        """Tell an event; never retained."""
        self._publish(self._topics.event, json.dumps(body), qos=1)

    def say(self, path: str, body: dict[str, Any]) -> None:
        """Tell once, below the base topic."""
        self._publish(f"{self._topics.base}/{path}", json.dumps(body), qos=1)

    def robot_known(self, address: str, name: str, firmware: str) -> None:
        """Announce the device as soon as its address is known, and again when something changed."""
        robot = Robot(address, name, firmware)
        if robot == self._robot:
            return
        before, self._robot = self._robot, robot
        if before is not None and before.device_id != robot.device_id:
            self._publish(self._topics.config(before.device_id), "", qos=1, retain=True)
            self._former = ()
        self._announce()

    # The broker and Home Assistant

    def connected(self) -> None:
        """Connected: first what there is, then its state, and only then that we are here."""
        self._announce()
        self._tell_kept()
        self._publish(self._topics.bridge, "online", qos=1, retain=True)

    def born(self) -> None:
        """Home Assistant came up: tell it everything again, a little later so that it can breathe."""
        delay = random.uniform(0.1, BIRTH_JITTER_S)  # noqa: S311 - jitter, no secret
        asyncio.get_running_loop().call_later(delay, self._again)

    def _again(self) -> None:
        self._publish(self._topics.bridge, "online", qos=1, retain=True)
        self._announce()
        self._tell_kept()

    def _announce(self) -> None:
        if self._robot is None:
            return
        about = self._about
        payload = message(
            self._robot, self._topics, about.version, about.macros, about.speed_cap, self._former
        )
        self._publish(self._topics.config(self._robot.device_id), json.dumps(payload), qos=1, retain=True)
        now = ids(components(self._robot, self._topics, about.macros, about.speed_cap))
        memory = Memory(self._robot, tuple(sorted({*now, *self._former})))
        self._save(lambda: save_memory(self._file, memory))

    def _tell_kept(self) -> None:
        for timer in self._dirty.values():
            timer.cancel()
        self._dirty.clear()
        for topic, payload in self._kept.items():
            self._publish(topic, payload, qos=1, retain=True)

    def _keep(self, topic: str, value: Any, settle_s: float) -> None:
        payload = value if isinstance(value, str) else json.dumps(value)
        if self._kept.get(topic) == payload:
            return
        self._kept[topic] = payload
        if topic not in self._dirty:
            loop = asyncio.get_running_loop()
            self._dirty[topic] = loop.call_later(settle_s, self._tell, topic)

    def _tell(self, topic: str) -> None:
        self._dirty.pop(topic, None)
        self._publish(topic, self._kept[topic], qos=1, retain=True)

    def _publish(self, topic: str, payload: str, *, qos: int, retain: bool = False) -> None:
        if self._publisher is not None and self._publisher.connected:
            self._publisher.publish(topic, payload, qos, retain)


def load_memory(file: Path) -> Memory:
    """Read what was announced before; an unreadable file is as good as none."""
    try:
        value = json.loads(file.read_bytes())
        robot = Robot(str(value["address"]), str(value["name"]), str(value["firmware"]))
        former = tuple(str(item) for item in value["components"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Memory()
    return Memory(robot, former)


def save_memory(file: Path, memory: Memory) -> None:
    """Write what was announced; a failure costs only the removal of old entities later."""
    robot = memory.robot
    if robot is None:
        return
    value = {"address": robot.address, "name": robot.name, "firmware": robot.firmware}
    try:
        write_atomically(file, value | {"components": list(memory.former)})
    except OSError as error:
        _log.warning("what was announced could not be remembered: %s", error)
