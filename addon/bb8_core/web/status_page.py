"""What the status page shows and does, from a thread of its own so that it cannot slow the robot's loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from bb8_core.bridge.light_state import light_json
from bb8_core.bridge.request_dispatch import Bridge
from bb8_core.bridge.robot_state import Telemetry
from bb8_core.build_identity import Identity
from bb8_core.radio.proxies.proxy_states import ProxyStatus
from bb8_core.requests.acknowledgement import AckStatus
from bb8_core.robot.gesture_steps import GESTURES

ACTION_TIMEOUT_S = 3.0
SHOWN_OPTIONS = (
    "speed_cap",
    "duration_cap_ms",
    "motion_timeout",
    "collision_events",
    "keep_connected",
    "idle_disconnect_s",
    "distance_limit_m",
)
"""The options that the page explains."""

CONNECTION_KEYS = ("state", "reason", "remedy", "rssi", "through", "losses")
"""What the page shows of the connection."""

T = TypeVar("T")


class StopFailed(Exception):
    """The robot has not confirmed a stop; the message gives the reason."""


class Page:
    """The source of the status page. Its methods are called on the page's loop, not the robot's."""

    def __init__(
        self,
        bridge: Bridge,
        loop: asyncio.AbstractEventLoop,
        identity: Identity,
        simulate: bool,
        mqtt: Callable[[], dict[str, Any]],
        settings: Mapping[str, Any] | None = None,
        proxies: Callable[[], Sequence[ProxyStatus]] = tuple,
    ) -> None:
        """Show `bridge`, which runs on `loop`; `mqtt` returns the state of the broker connection.

        `settings` are the options that the page explains; `proxies` returns the state of each proxy.
        """
        self._bridge = bridge
        self._loop = loop
        self._identity = identity
        self._simulate = simulate
        self._mqtt = mqtt
        self._settings = dict(settings or {})
        self._proxies = proxies

    def snapshot(self) -> dict[str, Any]:
        """The state of this moment."""
        bridge = self._bridge
        connection = bridge.reports.connection_json()
        telemetry = bridge.reports.telemetry
        limits = bridge.driving.limits
        return {
            "version": self._identity.version,
            "simulate": self._simulate,
            "estop": bridge.stopping.latched,
            "estop_by": bridge.stopping.latched_by,
            "robot": {
                "name": connection["name"],
                "address": connection["address"],
                "firmware": telemetry.firmware,
            },
            "connection": {key: connection[key] for key in CONNECTION_KEYS},
            "proxies": [asdict(proxy) for proxy in self._proxies()],
            "battery": _battery(telemetry),
            "latency_ms": bridge.motion.pump.last_rtt_ms,
            "mqtt": self._mqtt(),
            "motion": asdict(bridge.motion.state),
            "limits": {"speed_cap": limits.speed_cap},
            "light": light_json(bridge.lamps.light),
            "tail": bridge.lamps.tail,
            "gestures": list(GESTURES),
            "scenes": {
                "names": list(bridge.routines.scenes.scenes.found),
                "problems": list(bridge.routines.scenes.scenes.problems),
            },
            "settings": self._settings,
            "commands": [command._asdict() for command in bridge.history.commands],
        }

    async def stop(self) -> None:
        """Stop the robot; StopFailed unless it has confirmed."""
        outcome = await self._there(self._bridge.stopping.stop_and_wait(ACTION_TIMEOUT_S))
        if outcome.status is not AckStatus.CONFIRMED:
            raise StopFailed(outcome.reason)

    async def estop(self) -> None:
        """Latch the emergency stop; StopFailed if a connected robot has not confirmed its stop."""
        outcome = await self._there(self._bridge.stopping.estop_and_wait(ACTION_TIMEOUT_S))
        if outcome.status not in {AckStatus.CONFIRMED, AckStatus.ACCEPTED}:
            raise StopFailed(f"motion is locked, but {outcome.reason}")
        if outcome.lasting is False:
            raise StopFailed("motion is locked, but this cannot be saved and may not survive a restart")

    async def clear_estop(self) -> None:
        """Lift the emergency stop."""
        await self._there(_run(self._bridge.stopping.clear))

    async def _there(self, action: Coroutine[Any, Any, T]) -> T:
        """Run on the robot's loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(action, self._loop))


def _battery(telemetry: Telemetry) -> dict[str, Any]:
    known = telemetry.as_json()
    return {
        "voltage_v": telemetry.battery_v,
        "state": telemetry.battery_state,
        "percent": known["battery_percent"],
        "uncertainty": known["battery_uncertainty"],
    }


async def _run(action: Callable[[], None]) -> None:
    action()


class SideLoop:
    """An event loop in a thread, for what must not share the robot's."""

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a coroutine there and wait for its result; blocks at most `timeout_s` seconds."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1.0)

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()
