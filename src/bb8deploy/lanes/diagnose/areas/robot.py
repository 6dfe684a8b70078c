"""The robot, as the running app reports it on the broker: adapter, seen, signal, state, who holds it."""

from __future__ import annotations

from collections.abc import Mapping

from bb8deploy.base.untrusted_json import json_object
from bb8deploy.catalogue.errors.app import (
    ROBOT_ABSENT,
    ROBOT_BATTERY,
    ROBOT_HELD,
    ROBOT_NO_ADAPTER,
    ROBOT_NOT_ASKED,
    ROBOT_WEAK,
)
from bb8deploy.catalogue.errors.broker import BRIDGE_OFFLINE
from bb8deploy.lanes.diagnose.areas.broker import BrokerSeen, connection_of
from bb8deploy.lanes.diagnose.check_result import Check, Sheet

SUBJECT = "robot"
WEAK_DBM = -85
LOGS = "See `bb8deploy logs`."


def checks(seen: BrokerSeen, config: Mapping[str, object] | None = None) -> list[Check]:
    """Judges what was retained and what the app heard when it was asked; looks at nothing itself.

    `config` is the workspace's config.yaml, if it could be read.
    """
    sheet = Sheet(SUBJECT)
    status = seen.retained.get(f"{seen.base}/status")
    if not seen.reached:
        sheet.skip("bridge", "the broker was not reached")
    elif not status and config and not _for_a_robot(config):
        sheet.skip("bridge", "the app is not a bridge to a robot: it has no option `enable_echo`")
    elif status != "online":
        said = (
            f"the app's newest message on {seen.base}/status is {status}"
            if status
            else "no app publishes there"
        )
        remedy = "Start the app, and check that it uses this broker and this base topic."
        sheet.warn("bridge", said, remedy, BRIDGE_OFFLINE.code)
    else:
        sheet.ok("bridge", "online")
        _robot(sheet, seen)
    return sheet.checks


def _for_a_robot(config: Mapping[str, object]) -> bool:
    """Whether the app has the option of a bridge's echo responder, on or off."""
    parts = (config.get("options"), config.get("schema"))
    return any(isinstance(part, Mapping) and "enable_echo" in part for part in parts)


def _robot(sheet: Sheet, seen: BrokerSeen) -> None:
    connection = connection_of(seen.retained, seen.base)
    state = str(connection.get("state") or "unknown")
    reason, remedy = str(connection.get("reason") or ""), str(connection.get("remedy") or LOGS)
    if state == "adapter_off":
        sheet.fail("adapter", reason, remedy, ROBOT_NO_ADAPTER.code)
        sheet.skip("heard", "there is no Bluetooth adapter")
        return
    sheet.ok("adapter", "the host's Bluetooth answers")
    _state(sheet, state, reason, remedy, connection)
    _heard(sheet, seen.ready, remedy)
    _battery(sheet, json_object(seen.retained.get(f"{seen.base}/status/telemetry", "")))


def _state(sheet: Sheet, state: str, reason: str, remedy: str, connection: Mapping[str, object]) -> None:
    who = " ".join(str(connection[key]) for key in ("name", "address") if connection.get(key))
    if state == "held_by_other":
        sheet.fail("holder", reason, remedy, ROBOT_HELD.code)
    elif state in {"absent", "lost"}:
        sheet.warn("holder", f"none: {reason}", remedy, ROBOT_ABSENT.code)
    elif state == "ready":
        sheet.ok("holder", f"this app holds {who or 'it'}, and it answers")
    else:
        sheet.ok("holder", reason or state)


def _heard(sheet: Sheet, ready: Mapping[str, object] | None, remedy: str) -> None:
    """The answer to ble_ready: a PING that the robot answered, or an advertisement."""
    if ready is None:
        sheet.skip("heard", "the app was not asked")
    elif not ready:
        sheet.warn("heard", "the app did not report whether it detects the robot", LOGS, ROBOT_NOT_ASKED.code)
    elif not ready.get("detected"):
        sheet.warn("heard", "the app does not detect the robot at the moment", remedy, ROBOT_ABSENT.code)
    else:
        _signal(sheet, ready)


def _signal(sheet: Sheet, ready: Mapping[str, object]) -> None:
    rssi = ready.get("rssi")
    latency = ready.get("latency_ms")
    after = f" after {latency:.0f} ms" if isinstance(latency, int | float) else ""
    seen = f"by {ready.get('source')}{after}, {rssi} dBm"
    if isinstance(rssi, int | float) and rssi < WEAK_DBM:
        remedy = "Bring the robot nearer to the adapter, or the adapter away from USB 3 devices."
        sheet.warn("heard", f"{seen}: weak", remedy, ROBOT_WEAK.code)
    else:
        sheet.ok("heard", seen)


def _battery(sheet: Sheet, telemetry: Mapping[str, object]) -> None:
    state, volts = telemetry.get("battery_state"), telemetry.get("battery_v")
    if state in {"low", "critical"}:
        sheet.warn("battery", f"{state}, {volts} V", "Put the robot on its charger.", ROBOT_BATTERY.code)
    elif state:
        sheet.ok("battery", f"{state}, {volts} V")
    else:
        sheet.skip("battery", "the robot has not reported it yet")
