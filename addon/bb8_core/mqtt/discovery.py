"""The one message that makes the robot a device in Home Assistant, with all its entities; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bb8_core.mqtt.topics import Topics

ORIGIN_URL: Final = "https://github.com/e-app-404/ha-bb8-addon"
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
AIM_MS: Final = 500
"""How long the robot may take to turn to the heading that the number gives."""

DIAGNOSTIC: Final = {"entity_category": "diagnostic"}
CONFIG: Final = {"entity_category": "config"}
QUIET: Final = {"enabled_by_default": False}

Component = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Robot:
    """Who the device is; the address gives the ids, never a name that can change."""

    address: str
    name: str
    firmware: str = ""

    @property
    def device_id(self) -> str:
        """Stable id: `bb8_c9000000b54a`."""
        return "bb8_" + self.address.replace(":", "").lower()


def message(
    robot: Robot,
    topics: Topics,
    version: str,
    macros: Iterable[str],
    speed_cap: int,
    former: Iterable[str] = (),
    collisions: bool = True,
) -> dict[str, Any]:
    """The discovery payload; components of `former` that no longer exist are removed by an empty entry."""
    current = components(robot, topics, macros, speed_cap, collisions)
    removed = {key: {"platform": platform} for key, platform in map(_split, former) if key not in current}
    device: dict[str, Any] = {
        "identifiers": [robot.device_id],
        "connections": [["bluetooth", robot.address]],
        "name": robot.name,
        "manufacturer": "Sphero",
        "model": "BB-8",
        "hw_version": "BB8_01",
    }
    if robot.firmware:
        device["sw_version"] = robot.firmware
    return {
        "device": device,
        "origin": {"name": "bb8_bridge", "sw_version": version, "support_url": ORIGIN_URL},
        "qos": 1,
        "components": current | removed,
    }


def ids(all_components: Mapping[str, Component]) -> tuple[str, ...]:
    """What to remember of the components, so that a later version can remove them: `platform.key`."""
    return tuple(sorted(f"{c['platform']}.{key}" for key, c in all_components.items()))


def _split(former: str) -> tuple[str, str]:
    platform, _, key = former.partition(".")
    return key, platform


def components(
    robot: Robot, topics: Topics, macros: Iterable[str], speed_cap: int, collisions: bool = True
) -> dict[str, Component]:
    """Every entity by its key, with its unique id and availability; bumps only if they are reported."""
    bridge = [{"topic": topics.bridge}]
    reachable = [*bridge, {"topic": topics.status("robot")}]
    found: dict[str, Component] = {}
    for group, availability in (
        (_controls(topics, speed_cap), bridge),
        (_link_readings(topics), bridge),
        (_robot_readings(topics), bridge),
        (_events(topics, collisions), bridge),
        (_robot_entities(topics, tuple(macros)), reachable),
    ):
        for key, component in group.items():
            found[key] = component | {
                "unique_id": f"{robot.device_id}_{key}",
                "default_entity_id": f"{component['platform']}.bb8_{key}",
                "availability": availability,
                "availability_mode": "all",
            }
    return found


def _controls(topics: Topics, speed_cap: int) -> dict[str, Component]:
    """What can be asked for as long as the bridge runs, whether or not the robot is near."""
    return {
        "stop": _button(topics, "stop", "Stop", icon="mdi:stop"),
        "estop": _button(topics, "estop", "Emergency stop", icon="mdi:alert-octagon"),
        "clear_estop": _button(topics, "clear_estop", "Clear emergency stop", icon="mdi:lock-open-check"),
        "connect": _button(topics, "connect", "Connect", icon="mdi:bluetooth-connect"),
        "disconnect": _button(topics, "disconnect", "Disconnect", icon="mdi:bluetooth-off"),
        "wake": _button(topics, "power", "Wake", '{"action":"wake"}', icon="mdi:alarm"),
        "estop_latched": {
            "platform": "binary_sensor",
            "name": "Emergency stop latched",
            "device_class": "problem",
            "state_topic": topics.state("estop"),
            "value_template": "{{ value_json.state }}",
        },
        "speed_cap": {
            "platform": "number",
            "name": "Speed cap",
            "icon": "mdi:speedometer",
            "min": 0,
            "max": max(speed_cap, 1),
            "step": 1,
            "mode": "slider",
            "command_topic": topics.command("speed_cap"),
            "command_template": '{"value":{{ value | int }}}',
            "state_topic": topics.state("speed_cap"),
            "value_template": "{{ value_json.value }}",
            **CONFIG,
        },
    }


def _link_readings(topics: Topics) -> dict[str, Component]:
    """The state of the connection."""
    connection = topics.status("connection")
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
        "rssi": {
            **_reading(topics, "RSSI", "rssi", device_class="signal_strength", unit="dBm"),
            "state_topic": connection,
            **QUIET,
        },
    }


def _robot_readings(topics: Topics) -> dict[str, Component]:
    """What the robot last reported."""
    return {
        "battery_voltage": _reading(topics, "Battery voltage", "battery_v", device_class="voltage", unit="V"),
        "battery_state": {
            **_reading(topics, "Battery", "battery_state", device_class="enum"),
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
        "firmware": _reading(topics, "Firmware", "firmware", icon="mdi:chip"),
        "latency": {
            **_reading(topics, "Command latency", "latency_ms", device_class="duration", unit="ms"),
            **QUIET,
        },
        "odometer": {
            **_reading(topics, "Odometer", "odometer_cm", device_class="distance", unit="cm"),
            **QUIET,
        },
    }


def _events(topics: Topics, collisions: bool) -> dict[str, Component]:
    """What happens to the robot."""
    bumps = {"collision": _event(topics, "Collision", ("collision",), icon="mdi:car-emergency")}
    return (bumps if collisions else {}) | {
        "falling_asleep": _event(topics, "Falling asleep", ("falling_asleep", "asleep"), icon="mdi:sleep"),
        "battery": _event(
            topics,
            "Battery event",
            ("battery_low", "battery_critical", "battery_ok", "charging", "charging_ended"),
            icon="mdi:battery-alert",
        ),
    }


def _robot_entities(topics: Topics, macros: tuple[str, ...]) -> dict[str, Component]:
    """What needs the robot within reach."""
    found: dict[str, Component] = {
        "light": {
            "platform": "light",
            "schema": "json",
            "name": None,
            "command_topic": topics.command("led"),
            "state_topic": topics.state("led"),
            "brightness": True,
            "supported_color_modes": ["rgb"],
        },
        "tail": {
            "platform": "light",
            "schema": "json",
            "name": "Tail light",
            "icon": "mdi:led-on",
            "command_topic": topics.command("tail"),
            "state_topic": topics.state("tail"),
            "brightness": True,
            "supported_color_modes": ["brightness"],
        },
        "sleep": _button(topics, "power", "Sleep", '{"action":"sleep"}', icon="mdi:sleep"),
        "heading_zero": _button(topics, "heading", "Heading zero", '{"heading":0}', icon="mdi:compass")
        | CONFIG,
        "heading": {
            "platform": "number",
            "name": "Heading",
            "icon": "mdi:compass-rose",
            "unit_of_measurement": "°",
            "min": 0,
            "max": 359,
            "step": 1,
            "command_topic": topics.command("drive"),
            "command_template": f'{{"speed":0,"heading":{{{{ value | int }}}},"ms":{AIM_MS}}}',
            "state_topic": topics.state("motion"),
            "value_template": "{{ value_json.heading }}",
        },
    }
    for name in macros:
        title = name.replace("_", " ").capitalize()
        found[f"macro_{name}"] = _button(
            topics, "macro", title, f'{{"name":"{name}"}}', icon="mdi:robot-happy"
        )
    return found


def _button(topics: Topics, cmd: str, name: str, payload: str = "{}", *, icon: str) -> Component:
    return {
        "platform": "button",
        "name": name,
        "icon": icon,
        "command_topic": topics.command(cmd),
        "payload_press": payload,
    }


def _reading(topics: Topics, name: str, key: str, **how: str) -> Component:
    """A sensor on the telemetry topic that is unknown until the robot has reported."""
    component: Component = {
        "platform": "sensor",
        "name": name,
        "state_topic": topics.status("telemetry"),
        "value_template": f"{{{{ value_json.{key} }}}}",
        **DIAGNOSTIC,
    }
    if "unit" in how:
        component |= {"unit_of_measurement": how["unit"], "state_class": "measurement"}
    return component | {k: v for k, v in how.items() if k in {"device_class", "icon"}}


def _event(topics: Topics, name: str, types: tuple[str, ...], *, icon: str) -> Component:
    """An event entity that takes only its own kinds from the common topic."""
    return {
        "platform": "event",
        "name": name,
        "icon": icon,
        "event_types": list(types),
        "state_topic": topics.event,
        "value_template": f"{{{{ value if value_json.event_type in {list(types)!r} else '' }}}}",
    }
