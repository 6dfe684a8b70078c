"""Publishes for the bridge; retained messages are sent again after each reconnection, in the right order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bb8_core.mqtt.announced_record import Memory, load_memory, save_memory
from bb8_core.mqtt.discovery_message import About, Robot, components, ids, message
from bb8_core.mqtt.retained_states import RETRY_S, Publisher, RetainedStates
from bb8_core.mqtt.topics import Topics

BIRTH_JITTER_S: Final = 2.0


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
        self._states = RetainedStates()
        self._again_later: asyncio.TimerHandle | None = None
        self._memory = load_memory(file)
        self._robot = self._memory.robot
        self._former = self._memory.former
        self._gone = self._memory.gone

    @property
    def robot_address(self) -> str:
        """The address of the robot that we know, also from an earlier run; empty if none."""
        return self._robot.address if self._robot else ""

    def attach(self, publisher: Publisher) -> None:
        """Speak through this client."""
        self._states.publisher = publisher

    # Voice

    def ack(self, cmd: str, body: dict[str, Any]) -> None:
        """Acknowledge a command, QoS 1."""
        self._states.publish(self._topics.ack(cmd), json.dumps(body), qos=1)

    def state(self, key: str, value: Any) -> None:
        """Publish a state, retained."""
        self._states.keep(self._topics.state(key), key, value)

    def status(self, key: str, value: Any) -> None:
        """Publish a status, retained; plain text is sent as it is."""
        self._states.keep(self._topics.status(key), key, value)

    def event(self, body: dict[str, Any]) -> None:
        """Publish an event; never retained."""
        self._states.publish(self._topics.event, json.dumps(body), qos=1)

    def say(self, path: str, body: dict[str, Any]) -> None:
        """Publish once, below the base topic."""
        self._states.publish(f"{self._topics.base}/{path}", json.dumps(body), qos=1)

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
            self._announce_again_after(RETRY_S)

    # The broker and Home Assistant

    def connected(self) -> None:
        """Connected: publish the device, then its states, and only then that the bridge is online."""
        whole = self._announce() & self._states.publish_all() & self._online()
        if not whole:
            self._announce_again_after(RETRY_S)

    def born(self) -> None:
        """Home Assistant has started: publish everything again after a short random delay."""
        self._announce_again_after(random.uniform(0.1, BIRTH_JITTER_S))  # noqa: S311 - jitter, no secret

    def farewell(self) -> None:
        """Publish what is held back, and nothing more; the client publishes that the bridge is offline."""
        self._states.flush()
        if self._again_later is not None:
            self._again_later.cancel()

    def _announce_again_after(self, delay_s: float) -> None:
        """However often it is requested, it is published once."""
        if self._again_later is None:
            self._again_later = asyncio.get_running_loop().call_later(delay_s, self._again)

    def _again(self) -> None:
        self._again_later = None
        whole = self._online() & self._announce() & self._states.publish_all()
        if not whole:
            self._announce_again_after(RETRY_S)

    def _online(self) -> bool:
        return self._states.publish(self._topics.bridge, "online", qos=1, retain=True)

    def _announce(self) -> bool:
        """Remove devices that are gone, announce the robot; returns whether the queue took all of it."""
        self._gone = tuple(gone for gone in self._gone if not self._remove(gone))
        told = self._announce_robot()
        self._remember()
        return told and not (self._gone and self._states.connected)

    def _remove(self, device_id: str) -> bool:
        """Empty the retained message of a device; true only once it is on its way."""
        return self._states.connected and self._states.publish(
            self._topics.config(device_id), "", qos=1, retain=True
        )

    def _announce_robot(self) -> bool:
        if self._robot is None:
            return True
        payload = message(self._robot, self._topics, self._about, self._former)
        return self._states.publish(
            self._topics.config(self._robot.device_id), json.dumps(payload), qos=1, retain=True
        )

    def _remember(self) -> None:
        """Write to disk what changed."""
        if self._robot is None:
            return
        now = ids(components(self._robot, self._topics, self._about))
        memory = Memory(self._robot, tuple(sorted({*now, *self._former})), self._gone)
        if memory != self._memory:
            self._memory = memory
            self._save(lambda: save_memory(self._file, memory))
