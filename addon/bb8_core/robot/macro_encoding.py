"""The bytes of temporary macros, which run on the robot itself, as the vendor's encoder makes them.

Join them and give them to `commands.save_temporary_macro`.
"""

from __future__ import annotations

import struct

from bb8_core.robot import commands


def _field(layout: str, *values: int) -> bytes:
    """Pack one macro command; a value out of its field's range is a ValueError."""
    try:
        return struct.pack(">" + layout, *values)
    except struct.error as error:
        raise ValueError(f"out of range in a macro: {values[1:]}") from error


def macro_delay(ms: int) -> bytes:
    """Wait 0-65535 ms."""
    return _field("BH", 0x0B, ms)


def macro_roll(speed: int, heading: int, delay_ms: int) -> bytes:
    """Drive at 0-255 towards 0-359 degrees, then wait 0-65535 ms (short form up to 255)."""
    if not 0 <= heading <= 359:
        raise ValueError(f"a heading in degrees must be 0 to 359, not {heading}")
    if delay_ms <= 0xFF:
        return _field("BBHB", 0x05, speed, heading, delay_ms)
    return _field("BBHH", 0x1D, speed, heading, delay_ms)


def macro_stabilisation(mode: int, delay_ms: int = 0) -> bytes:
    """Switch balancing as `commands.stabilisation` does, then wait 0-255 ms."""
    return _field("BBB", 0x03, mode, delay_ms)


def macro_rgb(red: int, green: int, blue: int, delay_ms: int = 0) -> bytes:
    """Show a colour, then wait 0-255 ms."""
    return _field("BBBBB", 0x07, red, green, blue, delay_ms)


def macro_tail(brightness: int, delay_ms: int = 0) -> bytes:
    """Set the tail light, then wait 0-255 ms."""
    return _field("BBB", 0x09, brightness, delay_ms)


def macro_raw_motors(left: int, right: int, delay_ms: int = 0) -> bytes:
    """Set the motors' power as `commands.raw_motors` does, then wait 0-255 ms."""
    return b"\x0a" + commands.raw_motors(left, right).data + _field("B", delay_ms)


def macro_rotation_rate(rate: int) -> bytes:
    """Set how fast headings are turned to, 0-255."""
    return _field("BB", 0x13, rate)


def macro_fade(red: int, green: int, blue: int, ms: int) -> bytes:
    """Fade to a colour in 0-65535 ms."""
    return _field("BBBBH", 0x14, red, green, blue, ms)


def macro_emit(marker: int) -> bytes:
    """Send a marker, 11-255 (0-10 belong to the vendor's software), as an async packet."""
    return _field("BB", 0x15, marker)


def macro_wait_until_stop(ms: int) -> bytes:
    """Wait until the robot has stopped, at most 0-65535 ms."""
    return _field("BH", 0x19, ms)


def macro_rotate(degrees: int, ms: int) -> bytes:
    """Turn by -32768 to 32767 degrees in 0-65535 ms."""
    return _field("BhH", 0x1A, degrees, ms)


def macro_loop(times: int, body: bytes) -> bytes:
    """Repeat `body` 1-255 times."""
    return _field("BB", 0x1E, times) + body + b"\x1f"


def macro_stop(delay_ms: int = 0) -> bytes:
    """Brake, then wait 0-65535 ms."""
    return _field("BH", 0x25, delay_ms)


def macro_sleep() -> bytes:
    """Fall asleep until woken."""
    return _field("BH", 0x0E, 0)
