"""The sensors of the discovery message: what the link and the robot report; pure."""

from __future__ import annotations

from typing import Final

from bb8_core.mqtt.discovery_components import DIAGNOSTIC, QUIET, Component, reading
from bb8_core.mqtt.topics import Topics

CONNECTION_STATES: Final = (
    "absent",
    "asleep",
    "adapter_off",
    "held_by_other",
    "connecting",
    "waking",
    "ready",
    "lost",
    "released",
)
BATTERY_STATES: Final = ("unknown", "charging", "ok", "low", "critical")


def link_readings(topics: Topics) -> dict[str, Component]:
    """The state of the connection, and what became of the last command."""
    connection = topics.status("connection")
    return {
        **_connection_texts(connection),
        "last_command": _last_command(topics),
        **_rare_link_readings(topics, connection),
    }


def _connection_texts(connection: str) -> dict[str, Component]:
    """The connection's state, and the reason for it with its remedy; `connection` is the topic."""
    return {
        "connection": {
            "platform": "sensor",
            "name": "Connection",
            "device_class": "enum",
            "options": list(CONNECTION_STATES),
            "state_topic": connection,
            "value_template": "{{ value_json.state }}",
            **DIAGNOSTIC,
        },
        "connection_reason": {
            "platform": "sensor",
            "name": "Connection reason",
            "state_topic": connection,
            "value_template": "{{ (value_json.reason ~ ' ' ~ value_json.remedy)[:250] | trim }}",
            **DIAGNOSTIC,
        },
    }


def _rare_link_readings(topics: Topics, connection: str) -> dict[str, Component]:
    """Readings of the link that are disabled until a user enables them; `connection` is the topic."""
    return {
        "link_losses": {
            "platform": "sensor",
            "name": "Lost connections",
            "icon": "mdi:bluetooth-off",
            "state_class": "total_increasing",
            "state_topic": connection,
            "value_template": "{{ value_json.losses }}",
            **DIAGNOSTIC,
            **QUIET,
        },
        "radio": {
            "platform": "sensor",
            "name": "Radio",
            "icon": "mdi:access-point",
            "state_topic": connection,
            "value_template": "{{ value_json.through }}",
            **DIAGNOSTIC,
            **QUIET,
        },
        "rssi": {
            **reading(topics, "RSSI", "rssi", device_class="signal_strength", unit="dBm"),
            "state_topic": connection,
            **QUIET,
        },
    }


def _last_command(topics: Topics) -> Component:
    """What became of the last command, for those who send them from automations."""
    why = "(', ' ~ value_json.reason if value_json.reason else '')"
    told = f"{{{{ (value_json.name ~ ': ' ~ value_json.status ~ {why})[:250] }}}}"
    return {
        "platform": "sensor",
        "name": "Last command",
        "icon": "mdi:message-reply-text",
        "state_topic": topics.status("last_command"),
        "value_template": told,
        "json_attributes_topic": topics.status("last_command"),
        **DIAGNOSTIC,
    }


def robot_readings(topics: Topics) -> dict[str, Component]:
    """What the robot last reported."""
    return {
        "battery_level": {
            **reading(topics, "Battery level", "battery_percent", device_class="battery", unit="%"),
            "json_attributes_topic": topics.status("telemetry"),
            "json_attributes_template": "{{ {'uncertainty': value_json.battery_uncertainty} | tojson }}",
        },
        "battery_voltage": reading(topics, "Battery voltage", "battery_v", device_class="voltage", unit="V"),
        "battery_state": {
            **reading(topics, "Battery", "battery_state", device_class="enum"),
            "options": list(BATTERY_STATES),
        },
        "charging": {
            "platform": "binary_sensor",
            "name": "Charging",
            "device_class": "battery_charging",
            "state_topic": topics.status("telemetry"),
            "value_template": "{{ {true: 'ON', false: 'OFF'}.get(value_json.charging, 'None') }}",
            **DIAGNOSTIC,
        },
        "firmware": reading(topics, "Firmware", "firmware", icon="mdi:chip"),
        "latency": {
            **reading(topics, "Command latency", "latency_ms", device_class="duration", unit="ms"),
            **QUIET,
        },
        "odometer": {
            **reading(topics, "Odometer", "odometer_cm", device_class="distance", unit="cm"),
            **QUIET,
        },
    }
