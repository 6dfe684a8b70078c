"""Sensor streams and collision reports of the simulated robot, as bytes."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from bb8_core.simulator.physics import Impact
from bb8_core.simulator.robot_memory import Stream
from bb8_core.simulator.robot_state import Droid

_ONE_G: Final = 4096
_ACCEL_ONE_AT_REST: Final = 100


def stream_packet(droid: Droid, stream: Stream) -> bytes:
    """Return the data of one stream packet: every asked bit gives a number, high bit first, mask 1 first."""
    asked = _asked(stream.mask1, stream.mask2)
    return struct.pack(f">{len(asked)}h", *[_short(sample(droid)) for sample in asked]) * stream.frames


@lru_cache(maxsize=16)
def _asked(mask1: int, mask2: int) -> tuple[Callable[[Droid], float], ...]:
    """How to read the values that two masks ask for."""
    masks = ((1, mask1), (2, mask2))
    return tuple(
        _SAMPLES.get((number, 1 << bit), _nothing)
        for number, mask in masks
        for bit in range(31, -1, -1)
        if mask & 1 << bit
    )


def collision(droid: Droid, impact: Impact) -> bytes:
    """Return the data of a collision report."""
    force = min(int(impact.speed_mm_s * 2), 0x7FFF)
    x, y = (force, 0) if impact.axis_x else (0, force)
    axis = 1 if impact.axis_x else 2
    speed = min(int(impact.speed_mm_s / 8), 255)
    return struct.pack(">hhhBhhBI", x, y, _ONE_G, axis, x, y, speed, droid.clock_ms)


def _short(value: float) -> int:
    return max(-0x8000, min(0x7FFF, round(value)))


def _nothing(_: Droid) -> float:
    return 0


def _constant(value: float) -> Callable[[Droid], float]:
    return lambda _: value


def _yaw(droid: Droid) -> float:
    return (droid.body.heading + 180) % 360 - 180


def _wheel(droid: Droid) -> float:
    return droid.body.speed_mm_s / 225


_SAMPLES: Final[Mapping[tuple[int, int], Callable[[Droid], float]]] = {
    (1, 0x20000000): _constant(250),
    (1, 0x00400000): _wheel,
    (1, 0x00200000): _wheel,
    (1, 0x00100000): lambda droid: droid.body.target_mm_s,
    (1, 0x00080000): lambda droid: droid.body.target_mm_s,
    (1, 0x00010000): _yaw,
    (1, 0x00002000): _constant(_ONE_G),
    (1, 0x00000400): lambda droid: droid.body.turn_deg_s * 10,
    (1, 0x00000040): _wheel,
    (1, 0x00000020): _wheel,
    (2, 0x80000000): lambda droid: math.cos(math.radians(_yaw(droid)) / 2) * 10000,
    (2, 0x10000000): lambda droid: math.sin(math.radians(_yaw(droid)) / 2) * 10000,
    (2, 0x08000000): lambda droid: droid.position_cm[0],
    (2, 0x04000000): lambda droid: droid.position_cm[1],
    (2, 0x02000000): _constant(_ACCEL_ONE_AT_REST),
    (2, 0x01000000): lambda droid: droid.body.velocity[0],
    (2, 0x00800000): lambda droid: droid.body.velocity[1],
    (2, 0x00400000): lambda droid: abs(droid.body.speed_mm_s),
}
"""Every value that the simulated body has, by mask and bit; the rest is 0."""
