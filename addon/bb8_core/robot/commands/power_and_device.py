"""The robot as a device: ping, versions, name, power and sleep."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from bb8_core.robot.commands.command_builder import core, in_range
from bb8_core.robot.packet_framing import Command

MIN_INACTIVITY_S: Final = 60
MAX_NAME_BYTES: Final = 48


def without_reset(command: Command) -> Command:
    """Return the command in the form that does not reset the robot's sleep timer (SOP2 bit 1 clear)."""
    return replace(command, reset_timer=False)


def without_answer(command: Command) -> Command:
    """Return the command in the form that the robot carries out without answering (SOP2 bit 0 clear)."""
    return replace(command, answer=False)


def ping(reset_timer: bool = True) -> Command:
    """Ask for a sign of life; with `reset_timer` false the robot's sleep timer runs on (00:01)."""
    return replace(core(0x01, "ping"), reset_timer=reset_timer)


def versions() -> Command:
    """Ask for model and firmware versions (00:02); 8 or 10 bytes come back."""
    return core(0x02, "versions")


def set_name(name: str) -> Command:
    """Rename the robot: 1-48 bytes of UTF-8 (00:10). The robot stores it; send it only when asked to."""
    raw = name.encode()
    in_range("a name's length in bytes", len(raw), 1, MAX_NAME_BYTES)
    return core(0x10, "set_name", raw)


def get_bluetooth_info() -> Command:
    """Ask for the name, address and id colours (00:11)."""
    return core(0x11, "get_bluetooth_info")


def get_auto_reconnect() -> Command:
    """Ask for the auto-reconnect setting, a courtesy to old phones (00:13)."""
    return core(0x13, "get_auto_reconnect")


def power_state() -> Command:
    """Ask for battery state, voltage and charge history (00:20)."""
    return core(0x20, "power_state")


def power_notifications(on: bool) -> Command:
    """Have the battery state sent every 10 s and on change, until the robot sleeps (00:21)."""
    return core(0x21, "power_notifications", bytes((on,)))


def sleep(wake_after_s: int = 0) -> Command:
    """Send the robot to sleep: 0 until it is woken, or 1-65534 s (00:22). It keeps advertising."""
    in_range("the seconds of sleep", wake_after_s, 0, 0xFFFE)
    return core(0x22, "sleep", struct.pack(">HBH", wake_after_s, 0, 0))


def voltage_trips() -> Command:
    """Ask at which voltages the battery counts as low and critical (00:23)."""
    return core(0x23, "voltage_trips")


def inactivity_timeout(seconds: int) -> Command:
    """Set after how long without a command the robot sleeps: 60-65535 s, 600 by default (00:25)."""
    in_range("the inactivity timeout in seconds", seconds, MIN_INACTIVITY_S, 0xFFFF)
    return core(0x25, "inactivity_timeout", struct.pack(">H", seconds))


def charger_state() -> Command:
    """Ask whether the robot is in its charger (00:26); sources disagree about the answer."""
    return core(0x26, "charger_state")


def factory_crc() -> Command:
    """Ask for the checksum of the factory configuration block (00:27)."""
    return core(0x27, "factory_crc")


def l1_diagnostics() -> Command:
    """Ask for the diagnosis in words (00:40); it comes as an async packet after the answer."""
    return core(0x40, "l1_diagnostics")


def l2_diagnostics() -> Command:
    """Ask for the diagnosis in numbers: packet counters, time on, distance rolled (00:41)."""
    return core(0x41, "l2_diagnostics")


def assign_time(milliseconds: int) -> Command:
    """Set the robot's millisecond clock, 32 bits (00:50)."""
    in_range("the time in milliseconds", milliseconds, 0, 0xFFFFFFFF)
    return core(0x50, "assign_time", struct.pack(">I", milliseconds))


def poll_times(milliseconds: int) -> Command:
    """Send the sender's clock T1 (ms, 32 bits); T1, T2 and T3 come back (00:51)."""
    in_range("the time in milliseconds", milliseconds, 0, 0xFFFFFFFF)
    return core(0x51, "poll_times", struct.pack(">I", milliseconds))
