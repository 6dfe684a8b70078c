"""Heading, balance and motion."""

from __future__ import annotations

import struct
from typing import Final

from bb8_core.robot.commands.command_builder import heading_in_range, in_range, sphero
from bb8_core.robot.packet_framing import Command

_FORWARD: Final = 1
_REVERSE: Final = 2
_OFF: Final = 0


def set_heading(degrees: int) -> Command:
    """Declare the present direction to be `degrees` 0-359, clockwise (02:01)."""
    return sphero(0x01, "set_heading", struct.pack(">H", heading_in_range(degrees)))


def stabilisation(mode: int) -> Command:
    """Switch balancing: 0 off, 1 on with a reset of the angles, 2 on without (02:02)."""
    return sphero(0x02, "stabilisation", bytes((in_range("the stabilisation mode", mode, 0, 2),)))


def rotation_rate(rate: int) -> Command:
    """Set how fast headings are turned to: 1-255 units of 0.784 degrees a second (02:03)."""
    return sphero(0x03, "rotation_rate", bytes((in_range("the rotation rate", rate, 1, 255),)))


def chassis_id() -> Command:
    """Ask for the number of the chassis (02:07)."""
    return sphero(0x07, "chassis_id")


def self_level(
    *,
    angle_deg: int = 0,
    timeout_s: int = 0,
    settle_10ms: int = 0,
    keep_heading: bool = True,
    sleep_after: bool = False,
    control_on: bool = True,
) -> Command:
    """Bring the robot upright (02:09); the result comes as an async packet.

    `angle_deg` 1-90 (0 means 2) is how level is level, `timeout_s` 1-255 (0 means 15), `settle_10ms` 1-255
    (0 means 30) how long it has to stay so, `control_on` leaves balancing on afterwards.
    """
    in_range("the angle in degrees", angle_deg, 0, 90)
    in_range("the timeout in seconds", timeout_s, 0, 255)
    in_range("the settling time in 10 ms", settle_10ms, 0, 255)
    options = 1 | keep_heading << 1 | sleep_after << 2 | control_on << 3
    return sphero(0x09, "self_level", bytes((options, angle_deg, timeout_s, settle_10ms)))


def self_level_abort() -> Command:
    """End a running self-levelling (02:09)."""
    return sphero(0x09, "self_level_abort", bytes(4))


def roll(speed: int, heading: int) -> Command:
    """Drive: speed 0-255 of full, heading 0-359 degrees clockwise (02:30, state 1, four-byte form)."""
    in_range("a speed", speed, 0, 255)
    return sphero(0x30, "roll", struct.pack(">BHB", speed, heading_in_range(heading), 1))


def stop(heading: int = 0) -> Command:
    """Brake until it stops, keeping balance (02:30 with speed 0 and state 0); heading 0-359."""
    return sphero(0x30, "stop", struct.pack(">BHB", 0, heading_in_range(heading), 0))


def spin_in_place(heading: int) -> Command:
    """Turn to a heading of 0-359 degrees without driving (02:30 with speed 0 and state 2)."""
    return sphero(0x30, "spin_in_place", struct.pack(">BHB", 0, heading_in_range(heading), 2))


def boost(tenths: int, heading: int) -> Command:
    """Drive at full power for 1-255 tenths of a second (02:31); not verified on BB-8.

    Balancing is off afterwards. A boost of 0 would have no end and cannot be asked for.
    """
    in_range("a boost in tenths of a second", tenths, 1, 255)
    return sphero(0x31, "boost", struct.pack(">BH", tenths, heading_in_range(heading)))


def raw_motors(left: int, right: int) -> Command:
    """Set the motors' power directly: -255 (backward) to 255 (02:33). Balancing is off afterwards."""
    return sphero(0x33, "raw_motors", _motor(left) + _motor(right))


def motors_off() -> Command:
    """Switch both motors off (02:33); balancing is off afterwards."""
    return sphero(0x33, "motors_off", bytes(4))


def _motor(power: int) -> bytes:
    in_range("a motor's power", power, -255, 255)
    mode = _FORWARD if power > 0 else _REVERSE if power < 0 else _OFF
    return bytes((mode, abs(power)))


def motion_timeout(milliseconds: int) -> Command:
    """Set after how long without a drive the robot stops: 1-65535 ms, 2000 by default (02:34).

    It acts only while the permanent option for motion timeouts is set.
    """
    in_range("the motion timeout in milliseconds", milliseconds, 1, 0xFFFF)
    return sphero(0x34, "motion_timeout", struct.pack(">H", milliseconds))
