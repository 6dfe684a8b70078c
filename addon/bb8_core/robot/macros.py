"""Gestures, which the bridge plays step by step, and the bytes of macros that run on the robot itself.

BB-8 has no animations: its head rides on a magnet above the drive, so that short opposed pulses of the
motors make it nod or shake (seen in sphero.js issue 45). Macro bytes are those of the vendor's encoder.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from bb8_core.robot import commands
from bb8_core.robot.protocol import Command

MAX_GESTURE_MS: Final = 8000
MAX_STEP_MS: Final = 800
"""A step that moves ends before the robot's own motion timeout would end it."""

_ROLL: Final = (0x02, 0x30)
_RAW_MOTORS: Final = (0x02, 0x33)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a gesture and how long it lasts, 0-800 ms."""

    command: Command
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Gesture:
    """A short motion that ends by itself: at most 8 s, and its last step is a stop. ValueError otherwise."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Refuse a gesture that could go on."""
        if not self.steps or not self.steps[-1].command.is_stop:
            raise ValueError("a gesture ends with a stop")
        if any(not 0 <= step.hold_ms <= MAX_STEP_MS for step in self.steps):
            raise ValueError(f"a step lasts 0 to {MAX_STEP_MS} ms")
        if self.duration_ms > MAX_GESTURE_MS:
            raise ValueError(f"a gesture lasts at most {MAX_GESTURE_MS} ms")

    @property
    def duration_ms(self) -> int:
        """Time from the first step to the end of the last."""
        return sum(step.hold_ms for step in self.steps)


def scaled(gesture: Gesture, speed_cap: int) -> Gesture:
    """Return the gesture with no speed and no motor power above `speed_cap` (0-255)."""
    if not 0 <= speed_cap <= 255:
        raise ValueError(f"a speed cap must be 0 to 255, not {speed_cap}")
    return Gesture(tuple(replace(step, command=_capped(step.command, speed_cap)) for step in gesture.steps))


def _capped(command: Command, cap: int) -> Command:
    data = bytearray(command.data)
    if command.key == _ROLL:
        data[0] = min(data[0], cap)
    elif command.key == _RAW_MOTORS:
        data[1], data[3] = min(data[1], cap), min(data[3], cap)
    return replace(command, data=bytes(data))


def _pulses(left: int, right: int, times: int, hold_ms: int) -> tuple[Step, ...]:
    """Swing back and forth `times` times, then balance again and stop."""
    there = Step(commands.raw_motors(left, right), hold_ms)
    back = Step(commands.raw_motors(-left, -right), hold_ms)
    rest = (
        Step(commands.motors_off(), 60),
        Step(commands.stabilisation(1), 60),
        Step(commands.stop(), 0),
    )
    return (there, back) * times + rest


def _rolls(speed: int, headings: tuple[int, ...], hold_ms: int) -> tuple[Step, ...]:
    legs = tuple(Step(commands.roll(speed, heading), hold_ms) for heading in headings)
    return (*legs, Step(commands.stop(headings[-1]), 0))


_CIRCLE: Final = tuple(range(0, 360, 30))

GESTURES: Final[Mapping[str, Gesture]] = MappingProxyType(
    {
        "nod": Gesture(_pulses(-80, -80, 2, 80)),
        "shake": Gesture(_pulses(80, -80, 3, 80)),
        "dance": Gesture(_rolls(60, (45, 225, 135, 315) * 2, 350)),
        "figure_eight": Gesture(_rolls(70, (*_CIRCLE, 0, *reversed(_CIRCLE)), 250)),
    }
)
"""Every gesture by name. Headings are the robot's own; `scaled` applies the speed cap."""


# Bytes of temporary macros, to be joined and given to `commands.save_temporary_macro`


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
