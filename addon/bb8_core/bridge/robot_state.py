"""What is known about the robot right now, and how events change it; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bb8_core.robot.async_messages import Collision, DidSleep, Event, PowerEvent, PreSleep
from bb8_core.robot.battery_percent import charge
from bb8_core.robot.response_types import PowerState

LOW = frozenset({"low", "critical"})


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Readings; None if the robot has not reported them. Volts, dBm, cm, ms."""

    battery_v: float | None = None
    battery_state: str | None = None
    rssi: int | None = None
    firmware: str | None = None
    odometer_cm: int | None = None
    latency_ms: float | None = None
    loaded: bool = False
    """Whether the motors ran when the voltage was read, which lowers it."""

    def as_json(self) -> dict[str, Any]:
        """The readings with the charging flag that follows from the battery's state."""
        known = self.battery_state not in {None, "unknown"}
        left = None
        if self.battery_v is not None:
            left = charge(self.battery_v, loaded=self.loaded or self.battery_state == "charging")
        return {
            "battery_v": self.battery_v,
            "battery_percent": left.percent if left else None,
            "battery_uncertainty": left.uncertainty if left else None,
            "battery_state": self.battery_state,
            "charging": self.battery_state == "charging" if known else None,
            "rssi": self.rssi,
            "firmware": self.firmware,
            "odometer_cm": self.odometer_cm,
            "latency_ms": self.latency_ms,
        }


def with_power(telemetry: Telemetry, power: PowerState | None, *, loaded: bool = False) -> Telemetry:
    """Take over a battery reading; `loaded`: the motors ran meanwhile."""
    if power is None:
        return telemetry
    return replace(telemetry, battery_v=power.voltage_v, battery_state=power.state, loaded=loaded)


def with_event(telemetry: Telemetry, event: Event) -> Telemetry:
    """Take over the data of an event."""
    return replace(telemetry, battery_state=event.state) if isinstance(event, PowerEvent) else telemetry


def event_json(before: Telemetry, event: Event) -> dict[str, Any] | None:
    """The payload for `<base>/event`, or None if nothing has changed."""
    if isinstance(event, Collision):
        return {
            "event_type": "collision",
            "x_g": round(event.x_g, 3),
            "y_g": round(event.y_g, 3),
            "z_g": round(event.z_g, 3),
            "x_magnitude": event.x_magnitude,
            "y_magnitude": event.y_magnitude,
            "speed": event.speed,
        }
    if isinstance(event, PreSleep):
        return {"event_type": "falling_asleep"}
    if isinstance(event, DidSleep):
        return {"event_type": "asleep"}
    if isinstance(event, PowerEvent) and event.state != before.battery_state:
        return _battery_news(before, event.state)
    return None


def _battery_news(before: Telemetry, state: str) -> dict[str, Any] | None:
    if state in LOW:
        return {"event_type": f"battery_{state}"}
    if state == "charging":
        return {"event_type": "charging"}
    if before.battery_state == "charging":
        return {"event_type": "charging_ended"}
    return {"event_type": "battery_ok"} if before.battery_state in LOW else None
