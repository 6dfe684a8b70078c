"""One component of the discovery message: the kinds that occur more than once; pure."""

from __future__ import annotations

from typing import Any, Final

from bb8_core.mqtt.topics import Topics

DIAGNOSTIC: Final = {"entity_category": "diagnostic"}
CONFIG: Final = {"entity_category": "config"}
QUIET: Final = {"enabled_by_default": False}

Component = dict[str, Any]


def button(topics: Topics, cmd: str, name: str, payload: str = "{}", *, icon: str) -> Component:
    """A button that sends a command."""
    return {
        "platform": "button",
        "name": name,
        "icon": icon,
        "command_topic": topics.command(cmd),
        "payload_press": payload,
    }


def reading(topics: Topics, name: str, key: str, **how: str) -> Component:
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


def event(topics: Topics, name: str, types: tuple[str, ...], *, icon: str) -> Component:
    """An event entity that takes only its own kinds from the common topic."""
    return {
        "platform": "event",
        "name": name,
        "icon": icon,
        "event_types": list(types),
        "state_topic": topics.event,
        "value_template": f"{{{{ value if value_json.event_type in {list(types)!r} else '' }}}}",
    }


def number(topics: Topics, cmd: str, name: str, lowest: int, highest: int, *, icon: str) -> Component:
    """A number that a command sets and a state of the same name shows."""
    return {
        "platform": "number",
        "name": name,
        "icon": icon,
        "min": lowest,
        "max": max(highest, lowest + 1),
        "step": 1,
        "mode": "slider",
        "command_topic": topics.command(cmd),
        "command_template": '{"value":{{ value | int }}}',
        "state_topic": topics.state(cmd),
        "value_template": "{{ value_json.value }}",
        **CONFIG,
    }
