"""Sensor streams, collisions, locator and the other sensors."""

from __future__ import annotations

import struct

from bb8_core.robot.async_messages import StreamConfig
from bb8_core.robot.commands.command_builder import heading_in_range, in_range, sphero
from bb8_core.robot.packet_framing import Command


def stream(config: StreamConfig) -> Command:
    """Start a sensor stream (02:11); an empty list of sensors ends it."""
    return sphero(
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
        in_range("a collision threshold", value, 0, 255)
    in_range("the dead time in milliseconds", dead_time_ms, 10, 2550)
    return sphero(0x12, "collision_detection", bytes((1, *thresholds, dead_time_ms // 10)))


def collision_detection_off() -> Command:
    """End reports of hits (02:12 with method 0)."""
    return sphero(0x12, "collision_detection_off", bytes(6))


def locator(x_cm: int, y_cm: int, yaw_tare_deg: int = 0, *, follow_heading: bool = False) -> Command:
    """Set the robot's own position (02:13): -32768 to 32767 cm, yaw tare 0-359 degrees.

    With `follow_heading` a later `set_heading` turns the locator's axes too.
    """
    in_range("x in cm", x_cm, -0x8000, 0x7FFF)
    in_range("y in cm", y_cm, -0x8000, 0x7FFF)
    data = struct.pack(">BhhH", follow_heading, x_cm, y_cm, heading_in_range(yaw_tare_deg))
    return sphero(0x13, "locator", data)


def accelerometer_range(index: int) -> Command:
    """Set the accelerometer's range: 0, 1, 2 or 3 for 2, 4, 8 (the default) or 16 g (02:14)."""
    return sphero(0x14, "accelerometer_range", bytes((in_range("the range index", index, 0, 3),)))


def read_locator() -> Command:
    """Ask for position (cm), velocity and speed (cm/s) (02:15)."""
    return sphero(0x15, "read_locator")


def temperature() -> Command:
    """Ask for the temperature (02:16); known from one source."""
    return sphero(0x16, "temperature")


def read_odometer() -> Command:
    """Ask for the distance rolled in the robot's life, in cm (02:75); known from the vendor alone."""
    return sphero(0x75, "read_odometer")
