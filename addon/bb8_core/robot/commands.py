"""Every command that BB-8 understands and that is safe to send, one function each.

A function checks its ranges (ValueError) and returns a `Command`. Sources: sphero.js lib/commands,
spherov2.py commands, headers of the vendor's iOS SDK (RK*), the vendor's Android encoder.

Left out on purpose: what enters the bootloader or deep sleep, what writes flash (user LED colour, stored
macros and programs, voltage trip points, auto-reconnect, device mode) except the motion-timeout option and
a name that somebody asks for, a wake-up that starts a macro with nobody connected, and what is documented
nowhere.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from bb8_core.robot.protocol import CORE, MAX_DATA, SPHERO, Command
from bb8_core.robot.sensors import StreamConfig

PERMANENT_MOTION_TIMEOUTS: Final = 1 << 4
"""Permanent option bit that lets the robot stop by itself when no drive command follows in time."""
TEMPORARY_STOP_ON_DISCONNECT: Final = 1 << 0
"""Temporary option bit that makes the robot stop when the link is lost; forgotten when it sleeps."""
DEFAULT_MOTION_TIMEOUT_MS: Final = 2000
MIN_INACTIVITY_S: Final = 60
TEMPORARY_MACRO: Final = 0xFF
FIGURE_EIGHT_MACRO: Final = 1
MACRO_KILLS_MOTORS: Final = 0x01
"""Macro flag that switches the motors off when the macro ends or is aborted."""
MAX_MACRO_BODY: Final = 251
"""Bytes between a temporary macro's flags and its end marker."""
MAX_NAME_BYTES: Final = 48
_RAM: Final = 0
_FORWARD: Final = 1
_REVERSE: Final = 2
_OFF: Final = 0


def _in_range(what: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"{what} must be {low} to {high}, not {value}")
    return value


def _core(cid: int, name: str, data: bytes = b"") -> Command:
    return Command(CORE, cid, data, name)


def _sphero(cid: int, name: str, data: bytes = b"") -> Command:
    return Command(SPHERO, cid, data, name)


def without_reset(command: Command) -> Command:
    """Return the command in the form that does not reset the robot's sleep timer (SOP2 bit 1 clear)."""
    return replace(command, reset_timer=False)


def without_answer(command: Command) -> Command:
    """Return the command in the form that the robot carries out without answering (SOP2 bit 0 clear)."""
    return replace(command, answer=False)


# The robot as a device (core)


def ping(reset_timer: bool = True) -> Command:
    """Ask for a sign of life; with `reset_timer` false the robot's sleep timer runs on (00:01)."""
    return Command(CORE, 0x01, name="ping", reset_timer=reset_timer)


def versions() -> Command:
    """Ask for model and firmware versions (00:02); 8 or 10 bytes come back."""
    return _core(0x02, "versions")


def set_name(name: str) -> Command:
    """Rename the robot: 1-48 bytes of UTF-8 (00:10). The robot stores it; send it only when asked to."""
    raw = name.encode()
    _in_range("a name's length in bytes", len(raw), 1, MAX_NAME_BYTES)
    return _core(0x10, "set_name", raw)


def get_bluetooth_info() -> Command:
    """Ask for the name, address and id colours (00:11)."""
    return _core(0x11, "get_bluetooth_info")


def get_auto_reconnect() -> Command:
    """Ask for the auto-reconnect setting, a courtesy to old phones (00:13)."""
    return _core(0x13, "get_auto_reconnect")


def power_state() -> Command:
    """Ask for battery state, voltage and charge history (00:20)."""
    return _core(0x20, "power_state")


def power_notifications(on: bool) -> Command:
    """Have the battery state sent every 10 s and on change, until the robot sleeps (00:21)."""
    return _core(0x21, "power_notifications", bytes((on,)))


def sleep(wake_after_s: int = 0) -> Command:
    """Send the robot to sleep: 0 until it is woken, or 1-65534 s (00:22). It goes on advertising."""
    _in_range("the seconds of sleep", wake_after_s, 0, 0xFFFE)
    return _core(0x22, "sleep", struct.pack(">HBH", wake_after_s, 0, 0))


def voltage_trips() -> Command:
    """Ask at which voltages the battery counts as low and critical (00:23)."""
    return _core(0x23, "voltage_trips")


def inactivity_timeout(seconds: int) -> Command:
    """Set after how long without a command the robot sleeps: 60-65535 s, 600 by default (00:25)."""
    _in_range("the inactivity timeout in seconds", seconds, MIN_INACTIVITY_S, 0xFFFF)
    return _core(0x25, "inactivity_timeout", struct.pack(">H", seconds))


def charger_state() -> Command:
    """Ask whether the robot is in its charger (00:26); sources disagree about the answer."""
    return _core(0x26, "charger_state")


def factory_crc() -> Command:
    """Ask for the checksum of the factory configuration block (00:27)."""
    return _core(0x27, "factory_crc")


def l1_diagnostics() -> Command:
    """Ask for the diagnosis in words (00:40); it comes as an async packet after the answer."""
    return _core(0x40, "l1_diagnostics")


def l2_diagnostics() -> Command:
    """Ask for the diagnosis in numbers: packet counters, time on, distance rolled (00:41)."""
    return _core(0x41, "l2_diagnostics")


def assign_time(milliseconds: int) -> Command:
    """Set the robot's millisecond clock, 32 bits (00:50)."""
    _in_range("the time in milliseconds", milliseconds, 0, 0xFFFFFFFF)
    return _core(0x50, "assign_time", struct.pack(">I", milliseconds))


def poll_times(milliseconds: int) -> Command:
    """Send the sender's clock T1 (ms, 32 bits); T1, T2 and T3 come back (00:51)."""
    _in_range("the time in milliseconds", milliseconds, 0, 0xFFFFFFFF)
    return _core(0x51, "poll_times", struct.pack(">I", milliseconds))


# Heading, balance and motion


def _heading(degrees: int) -> int:
    return _in_range("a heading in degrees", degrees, 0, 359)


def set_heading(degrees: int) -> Command:
    """Declare the present direction to be `degrees` 0-359, clockwise (02:01)."""
    return _sphero(0x01, "set_heading", struct.pack(">H", _heading(degrees)))


def stabilisation(mode: int) -> Command:
    """Switch balancing: 0 off, 1 on with a reset of the angles, 2 on without (02:02)."""
    return _sphero(0x02, "stabilisation", bytes((_in_range("the stabilisation mode", mode, 0, 2),)))


def rotation_rate(rate: int) -> Command:
    """Set how fast headings are turned to: 1-255 units of 0.784 degrees a second (02:03)."""
    return _sphero(0x03, "rotation_rate", bytes((_in_range("the rotation rate", rate, 1, 255),)))


def chassis_id() -> Command:
    """Ask for the number of the chassis (02:07)."""
    return _sphero(0x07, "chassis_id")


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
    _in_range("the angle in degrees", angle_deg, 0, 90)
    _in_range("the timeout in seconds", timeout_s, 0, 255)
    _in_range("the settling time in 10 ms", settle_10ms, 0, 255)
    options = 1 | keep_heading << 1 | sleep_after << 2 | control_on << 3
    return _sphero(0x09, "self_level", bytes((options, angle_deg, timeout_s, settle_10ms)))


def self_level_abort() -> Command:
    """End a running self-levelling (02:09)."""
    return _sphero(0x09, "self_level_abort", bytes(4))


def roll(speed: int, heading: int) -> Command:
    """Drive: speed 0-255 of full, heading 0-359 degrees clockwise (02:30, state 1, four-byte form)."""
    _in_range("a speed", speed, 0, 255)
    return _sphero(0x30, "roll", struct.pack(">BHB", speed, _heading(heading), 1))


def stop(heading: int = 0) -> Command:
    """Brake to a stand, keeping balance (02:30 with speed 0 and state 0); heading 0-359."""
    return _sphero(0x30, "stop", struct.pack(">BHB", 0, _heading(heading), 0))


def spin_in_place(heading: int) -> Command:
    """Turn to a heading of 0-359 degrees without driving (02:30 with speed 0 and state 2)."""
    return _sphero(0x30, "spin_in_place", struct.pack(">BHB", 0, _heading(heading), 2))


def boost(tenths: int, heading: int) -> Command:
    """Drive at full power for 1-255 tenths of a second (02:31); not verified on BB-8.

    Balancing is off afterwards. A boost of 0 would have no end and cannot be asked for.
    """
    _in_range("a boost in tenths of a second", tenths, 1, 255)
    return _sphero(0x31, "boost", struct.pack(">BH", tenths, _heading(heading)))


def raw_motors(left: int, right: int) -> Command:
    """Set the motors' power directly: -255 (backward) to 255 (02:33). Balancing is off afterwards."""
    return _sphero(0x33, "raw_motors", _motor(left) + _motor(right))


def motors_off() -> Command:
    """Switch both motors off (02:33); balancing is off afterwards."""
    return _sphero(0x33, "motors_off", bytes(4))


def _motor(power: int) -> bytes:
    _in_range("a motor's power", power, -255, 255)
    mode = _FORWARD if power > 0 else _REVERSE if power < 0 else _OFF
    return bytes((mode, abs(power)))


def motion_timeout(milliseconds: int) -> Command:
    """Set after how long without a drive the robot stops: 1-65535 ms, 2000 by default (02:34).

    It acts only while the permanent option for motion timeouts is set.
    """
    _in_range("the motion timeout in milliseconds", milliseconds, 1, 0xFFFF)
    return _sphero(0x34, "motion_timeout", struct.pack(">H", milliseconds))


# What is sensed


def stream(config: StreamConfig) -> Command:
    """Start a sensor stream (02:11); an empty list of sensors ends it."""
    return _sphero(
        0x11,
        "stream",
        struct.pack(">HHIBI", config.divisor, config.frames, config.mask(1), config.packets, config.mask(2)),
    )


def stream_off() -> Command:
    """End the sensor stream (02:11 with no sensors)."""
    return stream(StreamConfig((), divisor=400))


def collision_detection(
    x_threshold: int = 0x20,
    x_speed: int = 0x20,
    y_threshold: int = 0x20,
    y_speed: int = 0x20,
    dead_time_ms: int = 500,
) -> Command:
    """Have hits reported (02:12): thresholds and how they grow with speed, 0-255 each per axis.

    The defaults are BB-8's in sphero.js; a threshold of 0 switches its axis off. `dead_time_ms` 10-2550 (in
    tens) is the pause after a report.
    """
    thresholds = (x_threshold, x_speed, y_threshold, y_speed)
    for value in thresholds:
        _in_range("a collision threshold", value, 0, 255)
    _in_range("the dead time in milliseconds", dead_time_ms, 10, 2550)
    return _sphero(0x12, "collision_detection", bytes((1, *thresholds, dead_time_ms // 10)))


def collision_detection_off() -> Command:
    """End reports of hits (02:12 with method 0)."""
    return _sphero(0x12, "collision_detection_off", bytes(6))


def locator(x_cm: int, y_cm: int, yaw_tare_deg: int = 0, *, follow_heading: bool = False) -> Command:
    """Set where the robot believes to be (02:13): -32768 to 32767 cm, yaw tare 0-359 degrees.

    With `follow_heading` a later `set_heading` turns the locator's axes too.
    """
    _in_range("x in cm", x_cm, -0x8000, 0x7FFF)
    _in_range("y in cm", y_cm, -0x8000, 0x7FFF)
    data = struct.pack(">BhhH", follow_heading, x_cm, y_cm, _heading(yaw_tare_deg))
    return _sphero(0x13, "locator", data)


def accelerometer_range(index: int) -> Command:
    """Set the accelerometer's range: 0, 1, 2 or 3 for 2, 4, 8 (the default) or 16 g (02:14)."""
    return _sphero(0x14, "accelerometer_range", bytes((_in_range("the range index", index, 0, 3),)))


def read_locator() -> Command:
    """Ask for position (cm), velocity and speed (cm/s) (02:15)."""
    return _sphero(0x15, "read_locator")


def temperature() -> Command:
    """Ask for the temperature (02:16); known from one source."""
    return _sphero(0x16, "temperature")


def read_odometer() -> Command:
    """Ask for the distance rolled in the robot's life, in cm (02:75); known from the vendor alone."""
    return _sphero(0x75, "read_odometer")


# Lights shown


def rgb_led(red: int, green: int, blue: int) -> Command:
    """Show a colour, 0-255 each (02:20); never with the flag that would write it to flash."""
    colour = [_in_range("a colour", value, 0, 255) for value in (red, green, blue)]
    return _sphero(0x20, "rgb_led", bytes((*colour, 0)))


def tail_led(brightness: int) -> Command:
    """Set the blue tail light that marks the robot's back, 0-255 (02:21)."""
    return _sphero(0x21, "tail_led", bytes((_in_range("a brightness", brightness, 0, 255),)))


def get_rgb_led() -> Command:
    """Ask for the stored user colour, which may not be the one shown (02:22)."""
    return _sphero(0x22, "get_rgb_led")


# Options kept by the robot


def get_permanent_options() -> Command:
    """Ask for the option flags kept in flash (02:36)."""
    return _sphero(0x36, "get_permanent_options")


def set_permanent_motion_timeouts(current: int) -> Command:
    """Switch motion timeouts on for good (02:35), keeping every other flag of `current` (32 bits).

    This writes flash: ValueError if the flag is set already, so that nothing is written for nothing.
    """
    _in_range("the option flags", current, 0, 0xFFFFFFFF)
    if current & PERMANENT_MOTION_TIMEOUTS:
        raise ValueError("motion timeouts are on already: there is nothing to write")
    data = struct.pack(">I", current | PERMANENT_MOTION_TIMEOUTS)
    return _sphero(0x35, "set_permanent_motion_timeouts", data)


def get_temporary_options() -> Command:
    """Ask for the option flags that last until the robot sleeps (02:38)."""
    return _sphero(0x38, "get_temporary_options")


def set_temporary_options(flags: int) -> Command:
    """Set the option flags that last until the robot sleeps, 32 bits (02:37)."""
    _in_range("the option flags", flags, 0, 0xFFFFFFFF)
    return _sphero(0x37, "set_temporary_options", struct.pack(">I", flags))


def stop_on_disconnect(current: int = 0) -> Command:
    """Make the robot stop when the link is lost, keeping the other temporary flags of `current`."""
    return replace(set_temporary_options(current | TEMPORARY_STOP_ON_DISCONNECT), name="stop_on_disconnect")


def get_sku() -> Command:
    """Ask for the article number (02:3A)."""
    return _sphero(0x3A, "get_sku")


def get_device_mode() -> Command:
    """Ask whether the robot is in normal mode, 0, or listens to a text shell, 1 (02:44)."""
    return _sphero(0x44, "get_device_mode")


# Macros and programs held in memory


def run_macro_figure_eight() -> Command:
    """Run the built-in figure eight (02:50); it drives, and runs on without the link."""
    return _sphero(0x50, "run_macro_figure_eight", bytes((FIGURE_EIGHT_MACRO,)))


def run_temporary_macro() -> Command:
    """Run the macro that `save_temporary_macro` sent (02:50); it runs on without the link."""
    return _sphero(0x50, "run_temporary_macro", bytes((TEMPORARY_MACRO,)))


def save_temporary_macro(body: bytes) -> Command:
    """Send the one macro held in memory (02:51): 1-251 bytes of `bb8_core.robot.macros` commands.

    The end marker is added, and always the flag that stops the motors when the macro ends or is aborted.
    """
    _in_range("a macro's length in bytes", len(body), 1, MAX_MACRO_BODY)
    return _sphero(0x51, "save_temporary_macro", bytes((TEMPORARY_MACRO, MACRO_KILLS_MOTORS)) + body + b"\0")


def abort_macro() -> Command:
    """End the running macro (02:55); its id and position come back."""
    return _sphero(0x55, "abort_macro")


def macro_status() -> Command:
    """Ask which macro runs and where it is (02:56)."""
    return _sphero(0x56, "macro_status")


def orbbasic_erase() -> Command:
    """Erase the program in memory (02:60, area 0)."""
    return _sphero(0x60, "orbbasic_erase", bytes((_RAM,)))


def orbbasic_append(text: str) -> Command:
    """Append 1-253 ASCII characters to the program in memory (02:61, area 0)."""
    raw = text.encode("ascii")
    _in_range("a piece of program in bytes", len(raw), 1, MAX_DATA - 1)
    return _sphero(0x61, "orbbasic_append", bytes((_RAM,)) + raw)


def orbbasic_execute(line: int) -> Command:
    """Run the program in memory from a line of 0-65535 (02:62); it runs on without the link."""
    _in_range("a line number", line, 0, 0xFFFF)
    return _sphero(0x62, "orbbasic_execute", struct.pack(">BH", _RAM, line))


def orbbasic_abort() -> Command:
    """End the running program (02:63)."""
    return _sphero(0x63, "orbbasic_abort")
