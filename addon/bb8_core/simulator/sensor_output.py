"""Sensor streams and collision reports of the simulated robot, as bytes."""

from __future__ import annotations

import math
import struct
from typing import Final

from bb8_core.simulator.physics import Impact
from bb8_core.simulator.robot_memory import Stream
from bb8_core.simulator.robot_state import Droid

_ONE_G: Final = 4096
_ACCEL_ONE_AT_REST: Final = 100


def stream_packet(droid: Droid, stream: Stream) -> bytes:
    """Return the data of one stream packet: every asked bit gives a number, high bit first, mask 1 first."""
    known = _samples(droid)
    asked = [
        (number, 1 << bit)
        for number, mask in ((1, stream.mask1), (2, stream.mask2))
        for bit in range(31, -1, -1)
        if mask & 1 << bit
    ]
    frame = b"".join(struct.pack(">h", _short(known.get(sample, 0))) for sample in asked)
    return frame * stream.frames


def collision(droid: Droid, impact: Impact) -> bytes:
    """Return the data of a collision report."""
    force = min(int(impact.speed_mm_s * 2), 0x7FFF)
    x, y = (force, 0) if impact.axis_x else (0, force)
    axis = 1 if impact.axis_x else 2
    speed = min(int(impact.speed_mm_s / 8), 255)
    return struct.pack(">hhhBhhBI", x, y, _ONE_G, axis, x, y, speed, droid.clock_ms)


def _short(value: float) -> int:
    return max(-0x8000, min(0x7FFF, round(value)))


def _samples(droid: Droid) -> dict[tuple[int, int], float]:
    """Every value that the simulated body has, by mask and bit; the rest is 0."""
    body = droid.body
    x_cm, y_cm = droid.position_cm
    vx, vy = body.velocity
    yaw = (body.heading + 180) % 360 - 180
    half = math.radians(yaw) / 2
    pwm = body.target_mm_s
    return {
        (1, 0x20000000): 250,
        (1, 0x00400000): body.speed_mm_s / 225,
        (1, 0x00200000): body.speed_mm_s / 225,
        (1, 0x00100000): pwm,
        (1, 0x00080000): pwm,
        (1, 0x00010000): yaw,
        (1, 0x00002000): _ONE_G,
        (1, 0x00000400): body.turn_deg_s * 10,
        (1, 0x00000040): body.speed_mm_s / 225,
        (1, 0x00000020): body.speed_mm_s / 225,
        (2, 0x80000000): math.cos(half) * 10000,
        (2, 0x10000000): math.sin(half) * 10000,
        (2, 0x08000000): x_cm,
        (2, 0x04000000): y_cm,
        (2, 0x02000000): _ACCEL_ONE_AT_REST,
        (2, 0x01000000): vx,
        (2, 0x00800000): vy,
        (2, 0x00400000): abs(body.speed_mm_s),
    }
