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

from bb8_core.motion.latch import write_atomically
from bb8_core.mqtt.discovery import Robot, components, ids, message
from bb8_core.mqtt.topics import Topics

SETTLE_S: Final[Mapping[str, float]] = {"telemetry": 2.0, "refusals": 2.0}
"""How long a state that changes often is held back, so that only the newest goes out."""
DEFAULT_SETTLE_S: Final = 0.05
BIRTH_JITTER_S: Final = 2.0
RETRY_S: Final = 1.0
"""When to try again what a full queue towards the broker refused."""

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
    """What earlier runs announced: the robot, its components, and devices that are still to be removed."""

    robot: Robot | None = None
    former: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


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
        self._again_later: asyncio.TimerHandle | None = None
        self._memory = load_memory(file)
        self._robot = self._memory.robot
        self._former = self._memory.former
        self._gone = self._memory.gone

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
            self._gone = (*(gone for gone in self._gone if gone != robot.device_id), before.device_id)
            self._former = ()
        if not self._announce():
            self._tell_again_after(RETRY_S)

    # The broker and Home Assistant

    def connected(self) -> None:
        """Connected: first what there is, then its state, and only then that we are here."""
        whole = self._announce() & self._tell_kept() & self._online()
        if not whole:
            self._tell_again_after(RETRY_S)

    def born(self) -> None:
        """Home Assistant came up: tell it everything again, a little later so that it can breathe."""
        self._tell_again_after(random.uniform(0.1, BIRTH_JITTER_S))  # noqa: S311 - jitter, no secret

    def farewell(self) -> None:
        """Tell what is held back, and nothing more: the last word, that we are gone, is the client's."""
        for topic in tuple(self._dirty):
            self._dirty.pop(topic).cancel()
            self._publish(topic, self._kept[topic], qos=1, retain=True)
        if self._again_later is not None:
            self._again_later.cancel()
        self._publisher = None

    def _tell_again_after(self, delay_s: float) -> None:
        """However often it is asked for: one telling for all."""
        if self._again_later is None:
            self._again_later = asyncio.get_running_loop().call_later(delay_s, self._again)

    def _again(self) -> None:
        self._again_later = None
        whole = self._online() & self._announce() & self._tell_kept()
        if not whole:
            self._tell_again_after(RETRY_S)

    def _online(self) -> bool:
        return self._publish(self._topics.bridge, "online", qos=1, retain=True)

    def _announce(self) -> bool:
        """Remove what is gone, tell what there is, remember it; returns whether the queue took all of it."""
        self._gone = tuple(gone for gone in self._gone if not self._remove(gone))
        told = self._announce_robot()
        self._remember()
        return told and not (self._gone and self._connected)

    def _remove(self, device_id: str) -> bool:
        """Empty the retained message of a device; true only once it is on its way."""
        return self._connected and self._publish(self._topics.config(device_id), "", qos=1, retain=True)

    def _announce_robot(self) -> bool:
        if self._robot is None:
            return True
        about = self._about
        payload = message(
            self._robot, self._topics, about.version, about.macros, about.speed_cap, self._former
        )
        return self._publish(
            self._topics.config(self._robot.device_id), json.dumps(payload), qos=1, retain=True
        )

    def _remember(self) -> None:
        """Write to disk what changed."""
        if self._robot is None:
            return
        now = ids(components(self._robot, self._topics, self._about.macros, self._about.speed_cap))
        memory = Memory(self._robot, tuple(sorted({*now, *self._former})), self._gone)
        if memory != self._memory:
            self._memory = memory
            self._save(lambda: save_memory(self._file, memory))

    def _tell_kept(self) -> bool:
        for timer in self._dirty.values():
            timer.cancel()
        self._dirty.clear()
        refused = [
            topic for topic, told in self._kept.items() if not self._publish(topic, told, qos=1, retain=True)
        ]
        return not refused

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
        if not self._publish(topic, self._kept[topic], qos=1, retain=True):
            self._dirty[topic] = asyncio.get_running_loop().call_later(RETRY_S, self._tell, topic)

    @property
    def _connected(self) -> bool:
        return self._publisher is not None and self._publisher.connected

    def _publish(self, topic: str, payload: str, *, qos: int, retain: bool = False) -> bool:
        """False if it was refused and has to be tried again; who is not connected will be told all then."""
        if self._publisher is None or not self._publisher.connected:
            return True
        return self._publisher.publish(topic, payload, qos, retain)


def load_memory(file: Path) -> Memory:
    """Read what was announced before; an unreadable file is as good as none."""
    try:
        value = json.loads(file.read_bytes())
        robot = Robot(str(value["address"]), str(value["name"]), str(value["firmware"]))
        former = tuple(str(item) for item in value["components"])
        gone = tuple(str(item) for item in value.get("gone", ()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Memory()
    return Memory(robot, former, gone)


def save_memory(file: Path, memory: Memory) -> None:
    """Write what was announced; a failure costs only the removal of old entities later."""
    robot = memory.robot
    if robot is None:
        return
    value = {"address": robot.address, "name": robot.name, "firmware": robot.firmware}
    try:
        write_atomically(file, value | {"components": list(memory.former), "gone": list(memory.gone)})
    except OSError as error:
        _log.warning("what was announced could not be remembered: %s", error)
