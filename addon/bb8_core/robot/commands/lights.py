"""The lights, and the options that the robot keeps."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from bb8_core.robot.commands.command_builder import in_range, sphero
from bb8_core.robot.packet_framing import Command

PERMANENT_MOTION_TIMEOUTS: Final = 1 << 4
"""Permanent option bit that lets the robot stop by itself when no drive command follows in time."""
TEMPORARY_STOP_ON_DISCONNECT: Final = 1 << 0
"""Temporary option bit that makes the robot stop when the link is lost; forgotten when it sleeps."""


def rgb_led(red: int, green: int, blue: int) -> Command:
    """Show a colour, 0-255 each (02:20); never with the flag that would write it to flash."""
    colour = [in_range("a colour", value, 0, 255) for value in (red, green, blue)]
    return sphero(0x20, "rgb_led", bytes((*colour, 0)))


def tail_led(brightness: int) -> Command:
    """Set the blue tail light that marks the robot's back, 0-255 (02:21)."""
    return sphero(0x21, "tail_led", bytes((in_range("a brightness", brightness, 0, 255),)))


def get_rgb_led() -> Command:
    """Ask for the stored user colour, which may not be the one shown (02:22)."""
    return sphero(0x22, "get_rgb_led")


# Options


def get_permanent_options() -> Command:
    """Ask for the option flags kept in flash (02:36)."""
    return sphero(0x36, "get_permanent_options")


def set_permanent_motion_timeouts(current: int) -> Command:
    """Switch motion timeouts on permanently (02:35), keeping every other flag of `current` (32 bits).

    This writes flash: ValueError if the flag is set already, so that nothing is written for nothing.
    """
    in_range("the option flags", current, 0, 0xFFFFFFFF)
    if current & PERMANENT_MOTION_TIMEOUTS:
        raise ValueError("motion timeouts are on already: there is nothing to write")
    data = struct.pack(">I", current | PERMANENT_MOTION_TIMEOUTS)
    return sphero(0x35, "set_permanent_motion_timeouts", data)


def get_temporary_options() -> Command:
    """Ask for the option flags that last until the robot sleeps (02:38)."""
    return sphero(0x38, "get_temporary_options")


def set_temporary_options(flags: int) -> Command:
    """Set the option flags that last until the robot sleeps, 32 bits (02:37)."""
    in_range("the option flags", flags, 0, 0xFFFFFFFF)
    return sphero(0x37, "set_temporary_options", struct.pack(">I", flags))


def stop_on_disconnect(current: int = 0) -> Command:
    """Make the robot stop when the link is lost, keeping the other temporary flags of `current`."""
    return replace(set_temporary_options(current | TEMPORARY_STOP_ON_DISCONNECT), name="stop_on_disconnect")


def get_sku() -> Command:
    """Ask for the article number (02:3A)."""
    return sphero(0x3A, "get_sku")


def get_device_mode() -> Command:
    """Ask whether the robot is in normal mode, 0, or listens to a text shell, 1 (02:44)."""
    return sphero(0x44, "get_device_mode")
