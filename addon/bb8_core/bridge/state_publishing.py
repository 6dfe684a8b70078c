"""Publishes what is known about the robot: connection, readings, events and motion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bb8_core.bridge.robot_state import Telemetry, event_json, with_event, with_power
from bb8_core.link.after_connect import Readiness, read_odometer, read_power
from bb8_core.link.connection_states import CONNECTABLE
from bb8_core.link.radio_interface import AnswerTimeout, LinkError
from bb8_core.link.robot_connection import RobotLink
from bb8_core.motion.motion_control import MotionState
from bb8_core.motion.send_loop import Pump
from bb8_core.publish_interface import Voice
from bb8_core.robot.async_messages import Event

TELEMETRY_EVERY_S = 60.0
LOCAL_ADAPTER = "local adapter"
"""How the host's own adapter is called beside the names of Bluetooth proxies."""


class Reports:
    """Keeps the readings and publishes each change. Belongs to the event loop."""

    def __init__(self, link: RobotLink, voice: Voice) -> None:
        """Publish through `voice`."""
        self._link = link
        self._voice = voice
        self._moving = False
        self.telemetry = Telemetry()

    def connection(self) -> None:
        """Publish the state of the connection."""
        self._voice.status("connection", self.connection_json())
        reachable = self._link.status.state in CONNECTABLE
        self._voice.status("robot", "online" if reachable else "offline")

    def connection_json(self) -> dict[str, Any]:
        """The payload of `<base>/status/connection`."""
        status, sighting, readiness = self._link.status, self._link.search.sighting, self._link.readiness
        through = sighting.through if sighting else self._link.through
        return {
            "state": status.state.value,
            "reason": status.reason,
            "remedy": status.remedy,
            "address": sighting.address if sighting else None,
            "name": sighting.name if sighting else None,
            "rssi": sighting.rssi if sighting else None,
            "through": through or LOCAL_ADAPTER,
            "stop_on_disconnect": readiness.stop_on_disconnect if readiness else None,
            "motion_timeout_ms": readiness.motion_timeout_ms if readiness else None,
            **self._link.counters,
        }

    def ready(self, readiness: Readiness) -> None:
        """The robot is ready: publish what the handshake has read."""
        sighting = self._link.search.sighting
        rssi = sighting.rssi if sighting else None
        known = with_power(self.telemetry, readiness.power)
        self._update(replace(known, firmware=readiness.firmware, rssi=rssi))
        if sighting:
            self._voice.robot_known(sighting.address, sighting.name, readiness.firmware)

    def event(self, event: Event) -> None:
        """The robot sent something unasked."""
        news = event_json(self.telemetry, event)
        if news is not None:
            self._voice.event({"ts": datetime.now(UTC).isoformat(timespec="milliseconds"), **news})
        self._update(with_event(self.telemetry, event))

    def readings(self) -> None:
        """Publish the readings."""
        self._voice.status("telemetry", self.telemetry.as_json())

    def motion(self, motion: MotionState) -> None:
        """Publish what the robot was commanded to do."""
        self._moving = motion.moving
        state = {
            "moving": motion.moving,
            "speed": motion.speed,
            "heading": motion.heading,
            "macro": motion.macro,
        }
        self._voice.state("motion", state)

    async def poll(self, wait_ready: Callable[[], Awaitable[None]], pump: Pump) -> None:
        """Refresh the readings every minute until cancelled, without keeping the robot awake."""
        while True:
            await wait_ready()
            try:
                power = await read_power(self._link.channel.insist)
                odometer = await read_odometer(self._link.channel.insist)
            except (LinkError, AnswerTimeout):
                await asyncio.sleep(1.0)
                continue
            known = with_power(self.telemetry, power, loaded=self._moving)
            self._update(replace(known, odometer_cm=odometer, latency_ms=pump.last_rtt_ms))
            await asyncio.sleep(TELEMETRY_EVERY_S)

    def _update(self, telemetry: Telemetry) -> None:
        if telemetry != self.telemetry:
            self.telemetry = telemetry
            self.readings()
