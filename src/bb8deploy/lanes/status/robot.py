"""The state of the robot by the app's retained messages, for status; the robot is not asked."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.untrusted_json import json_object
from bb8deploy.plan.version_drift import DriftState, VersionPlace
from bb8deploy.runs.run import Run

# A broker sends what it has retained at once; what is not there after this long is not there at all.
SECONDS, BROKER_SECONDS = 1.0, 5.0
_TOLD = {"status", "status/connection", "status/telemetry", "state/estop"}


def robot(run: Run) -> VersionPlace:
    """The row of the robot; the reason instead if the broker cannot be reached."""
    if not run.settings.mqtt.host:
        return VersionPlace("robot", state=DriftState.UNSET, detail="MQTT_HOST is not set")
    from bb8deploy.transport.mqtt import BrokerLink, address_of

    base = run.settings.mqtt.base_topic
    told: dict[str, str] = {}
    complete = threading.Event()

    def hear(topic: str, payload: bytes, _retained: bool) -> None:
        told[topic.removeprefix(f"{base}/")] = payload.decode("utf-8", "replace")
        if told.keys() >= _TOLD:
            complete.set()

    try:
        with BrokerLink(address_of(run.settings), hear, deadline=BROKER_SECONDS) as link:
            link.subscribe(*(f"{base}/{name}" for name in sorted(_TOLD)))
            complete.wait(SECONDS)
    except Bb8Error as error:
        return VersionPlace("robot", state=DriftState.UNSEEN, detail=error.cause)
    return robot_place(dict(told))


def robot_place(told: Mapping[str, str]) -> VersionPlace:
    """The row for what the app keeps on the broker, by topic below its base."""
    bridge = told.get("status", "")
    if bridge != "online":
        word = f"the app is {bridge}" if bridge else "no app has spoken on this broker"
        return VersionPlace("robot", state=DriftState.DOWN if bridge else DriftState.ABSENT, detail=word)
    connection = json_object(told.get("status/connection", ""))
    telemetry = json_object(told.get("status/telemetry", ""))
    stopped = json_object(told.get("state/estop", "")).get("state") == "ON"
    rssi, battery, volts = connection.get("rssi"), telemetry.get("battery_state"), telemetry.get("battery_v")
    words = [
        str(connection.get("state") or "unknown").replace("_", " "),
        str(connection.get("reason") or ""),
        f"{rssi} dBm" if rssi is not None else "",
        f"battery {battery}" + (f" ({volts} V)" if volts else "") if battery else "",
        "emergency stop is latched" if stopped else "",
    ]
    return VersionPlace("robot", detail=", ".join(filter(None, words)))
