"""What was announced to Home Assistant, kept on disk so that a later run can remove what is gone."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from bb8_core.atomic_files import write_atomically
from bb8_core.mqtt.discovery_message import Robot

_log = logging.getLogger("bb8.mqtt")


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier runs announced: the robot, its components, and devices that are still to be removed."""

    robot: Robot | None = None
    former: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def load_memory(file: Path) -> Memory:
    """Read what was announced before; an unreadable file is as good as none."""
    try:
        value = json.loads(file.read_bytes())
        robot = Robot(str(value["address"]), str(value["name"]), str(value["firmware"]))
        former = tuple(str(item) for item in value["components"])
        gone = tuple(str(item) for item in value.get("gone", ()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Memory()
    return Memory(robot, former, gone)


def save_memory(file: Path, memory: Memory) -> None:
    """Write what was announced; a failure costs only the removal of old entities later."""
    robot = memory.robot
    if robot is None:
        return
    value = {"address": robot.address, "name": robot.name, "firmware": robot.firmware}
    try:
        whole = value | {"components": list(memory.former), "gone": list(memory.gone)}
        write_atomically(file, json.dumps(whole).encode())
    except OSError as error:
        _log.warning("what was announced could not be remembered: %s", error)
