"""Telemetry and events."""

from __future__ import annotations

from bb8_core.bridge.robot_state import Telemetry, event_json, with_event
from bb8_core.robot.async_messages import DidSleep, PowerEvent, PreSleep


def test_events_are_reported_once_and_in_the_words_of_the_contract() -> None:
    low = PowerEvent("low")
    assert event_json(Telemetry(battery_state="ok"), low) == {"event_type": "battery_low"}
    assert event_json(with_event(Telemetry(), low), low) is None
    assert event_json(Telemetry(battery_state="charging"), PowerEvent("ok")) == {
        "event_type": "charging_ended"
    }
    assert event_json(Telemetry(), PreSleep()) == {"event_type": "falling_asleep"}
    assert event_json(Telemetry(), DidSleep()) == {"event_type": "asleep"}
