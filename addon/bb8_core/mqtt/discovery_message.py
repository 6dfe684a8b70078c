"""The one message that makes the robot a device in Home Assistant, with all its entities; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bb8_core.mqtt.discovery_components import (
    CONFIG,
    Component,
    button,
    event,
    number,
)
from bb8_core.mqtt.discovery_readings import link_readings, robot_readings
from bb8_core.mqtt.topics import Topics
from bb8_core.requests.payload_parsing import MIN_STEER_MS

ORIGIN_URL: Final = "https://github.com/e-app-404/ha-bb8-addon"
STEERING: Final = {
    "forward": ("Forward", "mdi:arrow-up-bold"),
    "back": ("Back", "mdi:arrow-down-bold"),
    "left": ("Left", "mdi:arrow-left-bold"),
    "right": ("Right", "mdi:arrow-right-bold"),
    "turn_around": ("Turn around", "mdi:arrow-u-down-left-bold"),
}
"""Name and icon of the button for each direction."""
TRIGGERS: Final = {
    "collision": "bumped",
    "asleep": "fell asleep",
    "battery_low": "battery low",
    "charging_ended": "charged",
}
"""The device triggers: the event, and how the trigger's type is called in the automation editor."""
AIM_MS: Final = 500
"""How long the robot may take to turn to the heading that the number gives."""


@dataclass(frozen=True, slots=True)
class About:
    """What the discovery message describes of the app: its version, gestures and limits."""

    version: str
    macros: tuple[str, ...]
    speed_cap: int = 180
    duration_cap_ms: int = 2000
    collisions: bool = True
    """Whether bumps are reported."""
    page: str = ""
    """Where the device's link leads; empty if the app was not started by a Supervisor."""
    scenes: tuple[str, ...] = ()
    """The user's scenes."""


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


def page_url(environ: Mapping[str, str]) -> str:
    """Where Home Assistant opens the app's page, from the host name that the Supervisor makes of the slug."""
    slug = environ.get("HOSTNAME", "").replace("-", "_")
    return f"homeassistant://app/{slug}" if slug and environ.get("SUPERVISOR_TOKEN") else ""


def message(robot: Robot, topics: Topics, about: About, former: Iterable[str] = ()) -> dict[str, Any]:
    """The discovery payload; components of `former` that no longer exist are removed by an empty entry."""
    current = components(robot, topics, about)
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
    if about.page:
        device["configuration_url"] = about.page
    return {
        "device": device,
        "origin": {"name": "bb8_bridge", "sw_version": about.version, "support_url": ORIGIN_URL},
        "qos": 1,
        "components": current | removed,
    }


def ids(all_components: Mapping[str, Component]) -> tuple[str, ...]:
    """What to remember of the components, so that a later version can remove them: `platform.key`."""
    return tuple(sorted(f"{c['platform']}.{key}" for key, c in all_components.items()))


def _split(former: str) -> tuple[str, str]:
    platform, _, key = former.partition(".")
    return key, platform


def components(robot: Robot, topics: Topics, about: About) -> dict[str, Component]:
    """Every entity by its key, with its unique id and availability, and the device triggers."""
    bridge = [{"topic": topics.bridge}]
    reachable = [*bridge, {"topic": topics.status("robot")}]
    found: dict[str, Component] = {}
    for group, availability in (
        (_controls(topics, about.speed_cap), bridge),
        (link_readings(topics), bridge),
        (robot_readings(topics), bridge),
        (_events(topics, about.collisions), bridge),
        (_robot_entities(topics, about.macros), reachable),
        (_scenes(topics, about.scenes), reachable),
        (_steering(topics, about), reachable),
    ):
        for key, component in group.items():
            found[key] = component | {
                "unique_id": f"{robot.device_id}_{key}",
                "default_entity_id": f"{component['platform']}.bb8_{key}",
                "availability": availability,
                "availability_mode": "all",
            }
    return found | _triggers(topics, about.collisions)


def _controls(topics: Topics, speed_cap: int) -> dict[str, Component]:
    """What can be asked for as long as the bridge runs, whether or not the robot is near."""
    return {
        "stop": button(topics, "stop", "Stop", icon="mdi:stop"),
        "estop": button(topics, "estop", "Emergency stop", icon="mdi:alert-octagon"),
        "clear_estop": button(topics, "clear_estop", "Clear emergency stop", icon="mdi:lock-open-check"),
        "connect": button(topics, "connect", "Connect", icon="mdi:bluetooth-connect"),
        "disconnect": button(topics, "disconnect", "Disconnect", icon="mdi:bluetooth-off"),
        "wake": button(topics, "power", "Wake", '{"action":"wake"}', icon="mdi:alarm"),
        "estop_latched": {
            "platform": "binary_sensor",
            "name": "Emergency stop latched",
            "device_class": "problem",
            "state_topic": topics.state("estop"),
            "value_template": "{{ value_json.state }}",
        },
        "speed_cap": number(topics, "speed_cap", "Speed cap", 0, speed_cap, icon="mdi:speedometer"),
    }


def _events(topics: Topics, collisions: bool) -> dict[str, Component]:
    """What happens to the robot."""
    bumps = {"collision": event(topics, "Collision", ("collision",), icon="mdi:car-emergency")}
    return (bumps if collisions else {}) | {
        "falling_asleep": event(topics, "Falling asleep", ("falling_asleep", "asleep"), icon="mdi:sleep"),
        "battery": event(
            topics,
            "Battery event",
            ("battery_low", "battery_critical", "battery_ok", "charging", "charging_ended"),
            icon="mdi:battery-alert",
        ),
    }


def _robot_entities(topics: Topics, macros: tuple[str, ...]) -> dict[str, Component]:
    """What needs the robot within reach."""
    return {
        **_lights(topics),
        "sleep": button(topics, "power", "Sleep", '{"action":"sleep"}', icon="mdi:sleep"),
        **_headings(topics),
        "message": {
            "platform": "notify",
            "name": "Message",
            "icon": "mdi:message-flash",
            "command_topic": topics.command("notify"),
            "command_template": '{"message": {{ value | tojson }} }',
        },
        **_gestures(topics, macros),
    }


def _lights(topics: Topics) -> dict[str, Component]:
    return {
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
    }


def _headings(topics: Topics) -> dict[str, Component]:
    """A button that makes the present heading zero, and a number that turns the robot."""
    return {
        "heading_zero": button(topics, "heading", "Heading zero", '{"heading":0}', icon="mdi:compass")
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


def _gestures(topics: Topics, macros: tuple[str, ...]) -> dict[str, Component]:
    """A button for each gesture."""
    return {
        f"macro_{name}": button(
            topics,
            "macro",
            name.replace("_", " ").capitalize(),
            f'{{"name":"{name}"}}',
            icon="mdi:robot-happy",
        )
        for name in macros
    }


def _scenes(topics: Topics, names: tuple[str, ...]) -> dict[str, Component]:
    """A button for each of the user's scenes."""
    return {
        f"scene_{name}": button(
            topics, "scene", "Scene " + name.replace("_", " "), f'{{"name":"{name}"}}', icon="mdi:movie-play"
        )
        for name in names
    }


def _steering(topics: Topics, about: About) -> dict[str, Component]:
    """Driving without payloads: a button for each direction, a number for the speed and one for the time."""
    buttons = {
        direction: button(topics, "steer", name, f'{{"direction":"{direction}"}}', icon=icon)
        for direction, (name, icon) in STEERING.items()
    }
    time = number(
        topics, "steer_time", "Drive time", MIN_STEER_MS, about.duration_cap_ms, icon="mdi:timer-outline"
    )
    return buttons | {
        "return_to_start": button(
            topics, "return_to_start", "Return to start", icon="mdi:home-import-outline"
        ),
        "steer_speed": number(
            topics, "steer_speed", "Drive speed", 0, about.speed_cap, icon="mdi:speedometer"
        ),
        "steer_time": time | {"unit_of_measurement": "ms"},
    }


def _triggers(topics: Topics, collisions: bool) -> dict[str, Component]:
    """What automations of the device can start from; Home Assistant gives device triggers no entity."""
    return {
        f"trigger_{kind}": {
            "platform": "device_automation",
            "automation_type": "trigger",
            "type": name,
            "subtype": "robot",
            "topic": topics.event,
            "value_template": "{{ value_json.event_type }}",
            "payload": kind,
        }
        for kind, name in TRIGGERS.items()
        if collisions or kind != "collision"
    }
