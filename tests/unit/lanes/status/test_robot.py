"""What the app keeps on the broker, as one row of status."""

from __future__ import annotations

import json

import pytest

from bb8deploy.lanes.status.robot import robot_place
from bb8deploy.plan.version_drift import DriftState

READY = {
    "status": "online",
    "status/connection": json.dumps({"state": "ready", "rssi": -61}),
    "status/telemetry": json.dumps({"battery_state": "ok", "battery_v": 7.9}),
    "state/estop": json.dumps({"state": "OFF"}),
}


@pytest.mark.parametrize(
    ("told", "state", "detail"),
    [
        ({}, DriftState.ABSENT, "no app has spoken on this broker"),
        ({"status": "offline"}, DriftState.DOWN, "the app is offline"),
        (READY, DriftState.FINE, "ready, -61 dBm, battery ok (7.9 V)"),
        ({**READY, "state/estop": '{"state": "ON"}'}, DriftState.FINE, "emergency stop is latched"),
        (
            {
                "status": "online",
                "status/connection": '{"state": "held_by_other", "reason": "a phone"}',
            },
            DriftState.FINE,
            "held by other, a phone",
        ),
        ({"status": "online", "status/connection": "broken"}, DriftState.FINE, "unknown"),
        ({"status": "online", "status/connection": "[" * 100_000}, DriftState.FINE, "unknown"),
    ],
)
def test_the_row_shows_what_was_reported(told: dict[str, str], state: DriftState, detail: str) -> None:
    place = robot_place(told)
    assert (place.state, place.detail.endswith(detail)) == (state, True), place
