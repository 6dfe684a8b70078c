"""Decodes what the robot sends without a request: power, sleep, collisions, sensor streams and the rest.

Sources: RKAsyncPacketCodes.h of the vendor's iOS SDK, sphero.js lib/parsers/async.js, spherov2.py
commands/async_.py, a stream captured by gobot. Units stand in the names of the fields and sensors.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from bb8_core.robot.packet_framing import AsyncPacket

STREAM_CLOCK_HZ: Final = 400
"""Rate of the robot's sensor loop; a stream sends every Nth of its frames."""

POWER_STATES: Final[Mapping[int, str]] = {0: "unknown", 1: "charging", 2: "ok", 3: "low", 4: "critical"}
SELF_LEVEL_RESULTS: Final[Mapping[int, str]] = {
    0: "unknown",
    1: "timeout",
    2: "sensors",
    3: "disabled",
    4: "aborted",
    5: "no_charger",
    6: "ok",
}


class AsyncId(IntEnum):
    """Id codes of async packets that BB-8 sends."""

    POWER = 0x01
    L1_DIAGNOSTICS = 0x02
    SENSORS = 0x03
    CONFIG_BLOCK = 0x04
    PRE_SLEEP = 0x05
    MACRO_MARKER = 0x06
    COLLISION = 0x07
    ORBBASIC_PRINT = 0x08
    ORBBASIC_ERROR_TEXT = 0x09
    ORBBASIC_ERROR_BINARY = 0x0A
    SELF_LEVEL = 0x0B
    GYRO_LIMIT = 0x0C
    OVAL_ERROR = 0x12
    OVAL_BROADCAST = 0x13
    DID_SLEEP = 0x14


@dataclass(frozen=True, slots=True)
class Sensor:
    """One stream value: which mask (1 or 2) and bit ask for it, and what its 16-bit number is worth."""

    name: str
    mask: int
    bit: int
    scale: float


def _sensors() -> dict[str, Sensor]:
    """Build the table in the order in which the robot sends the values: high bit first, mask 1 then 2."""
    rows = (
        ("accel_raw_x_g", 1, 0x80000000, 0.004),
        ("accel_raw_y_g", 1, 0x40000000, 0.004),
        ("accel_raw_z_g", 1, 0x20000000, 0.004),
        ("gyro_raw_x_dps", 1, 0x10000000, 0.068),
        ("gyro_raw_y_dps", 1, 0x08000000, 0.068),
        ("gyro_raw_z_dps", 1, 0x04000000, 0.068),
        ("emf_raw_right_cm_s", 1, 0x00400000, 22.5),
        ("emf_raw_left_cm_s", 1, 0x00200000, 22.5),
        ("pwm_left", 1, 0x00100000, 1.0),
        ("pwm_right", 1, 0x00080000, 1.0),
        ("pitch_deg", 1, 0x00040000, 1.0),
        ("roll_deg", 1, 0x00020000, 1.0),
        ("yaw_deg", 1, 0x00010000, 1.0),
        ("accel_x_g", 1, 0x00008000, 1 / 4096),
        ("accel_y_g", 1, 0x00004000, 1 / 4096),
        ("accel_z_g", 1, 0x00002000, 1 / 4096),
        ("gyro_x_dps", 1, 0x00001000, 0.1),
        ("gyro_y_dps", 1, 0x00000800, 0.1),
        ("gyro_z_dps", 1, 0x00000400, 0.1),
        ("emf_right_cm_s", 1, 0x00000040, 22.5),
        ("emf_left_cm_s", 1, 0x00000020, 22.5),
        ("q0_w", 2, 0x80000000, 1 / 10000),
        ("q1_x", 2, 0x40000000, 1 / 10000),
        ("q2_y", 2, 0x20000000, 1 / 10000),
        ("q3_z", 2, 0x10000000, 1 / 10000),
        ("x_cm", 2, 0x08000000, 1.0),
        ("y_cm", 2, 0x04000000, 1.0),
        ("accel_one_raw", 2, 0x02000000, 1.0),
        ("vx_mm_s", 2, 0x01000000, 1.0),
        ("vy_mm_s", 2, 0x00800000, 1.0),
        ("speed_mm_s", 2, 0x00400000, 1.0),
    )
    return {name: Sensor(name, mask, bit, scale) for name, mask, bit, scale in rows}


SENSORS: Final[Mapping[str, Sensor]] = _sensors()
"""Every stream value that is understood, by name, in wire order. `accel_one_raw` has no agreed unit."""
_EMF_PAIRS: Final = (
    ("emf_right_cm_s", "emf_left_cm_s"),
    ("emf_raw_right_cm_s", "emf_raw_left_cm_s"),
)


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """A sensor stream: which values, how often, how many frames in a packet, how many packets.

    `sensors` are names of SENSORS (any order); `divisor` 1-65535 gives 400 / divisor frames a second (40
    gives 10, all that a BB-8 link carries well); `frames` 1-65535 per packet; `packets` 1-255, or 0 for
    an endless stream. Motor back-EMF is asked for left and right together. ValueError otherwise.
    """

    sensors: tuple[str, ...]
    divisor: int = 40
    frames: int = 1
    packets: int = 0

    def __post_init__(self) -> None:
        """Refuse unknown values and numbers that no frame can hold."""
        unknown = [name for name in self.sensors if name not in SENSORS]
        if unknown:
            raise ValueError(f"unknown sensor: {unknown[0]}")
        if not (1 <= self.divisor <= 0xFFFF and 1 <= self.frames <= 0xFFFF and 0 <= self.packets <= 0xFF):
            raise ValueError("a stream needs divisor and frames of 1-65535 and packets of 0-255")
        if any((left in self.sensors) != (right in self.sensors) for right, left in _EMF_PAIRS):
            raise ValueError("back-EMF is streamed for both motors or for none")

    @property
    def ordered(self) -> tuple[Sensor, ...]:
        """The asked values in the order in which the robot sends them."""
        return _ordered(self.sensors)

    def mask(self, number: int) -> int:
        """Return mask 1 or mask 2 of the request."""
        return sum(sensor.bit for sensor in self.ordered if sensor.mask == number)


@lru_cache(maxsize=16)
def _ordered(names: tuple[str, ...]) -> tuple[Sensor, ...]:
    return tuple(sensor for name, sensor in SENSORS.items() if name in names)


@dataclass(frozen=True, slots=True)
class PowerEvent:
    """The battery's state changed, or ten seconds passed; `state` is one of POWER_STATES."""

    state: str


@dataclass(frozen=True, slots=True)
class L1Diagnostics:
    """The report of a level-1 diagnosis, as the robot words it."""

    text: str


@dataclass(frozen=True, slots=True)
class SensorFrame:
    """One packet of a stream: its frames, oldest first, each a value per sensor name."""

    frames: tuple[Mapping[str, float], ...]

    @property
    def latest(self) -> Mapping[str, float]:
        """The newest frame."""
        return self.frames[-1]


@dataclass(frozen=True, slots=True)
class PreSleep:
    """The robot falls asleep in ten seconds unless a command resets its timer."""


@dataclass(frozen=True, slots=True)
class DidSleep:
    """The robot has fallen asleep."""


@dataclass(frozen=True, slots=True)
class MacroMarker:
    """A macro passed a marker: its number, the macro's id and the command's index."""

    marker: int
    macro: int
    command: int


@dataclass(frozen=True, slots=True)
class Collision:
    """The robot hit something: acceleration, axes over threshold, power of the hit, speed, robot's clock.

    `speed` is in the unit of the drive speed (0-255). The unit of the magnitudes is nowhere documented.
    """

    x_g: float
    y_g: float
    z_g: float
    axis_x: bool
    axis_y: bool
    x_magnitude: int
    y_magnitude: int
    speed: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class OrbBasicPrint:
    """A program printed something."""

    text: str


@dataclass(frozen=True, slots=True)
class OrbBasicError:
    """A program failed; `text` is the robot's message, or hexadecimal if it sent a binary one."""

    text: str


@dataclass(frozen=True, slots=True)
class SelfLevelDone:
    """Self-levelling ended; `result` is one of SELF_LEVEL_RESULTS."""

    result: str


@dataclass(frozen=True, slots=True)
class GyroLimit:
    """The robot turned faster than its gyroscope measures: `positive`, `negative` or None for each axis."""

    x: str | None
    y: str | None
    z: str | None


@dataclass(frozen=True, slots=True)
class UnknownAsync:
    """A packet that has no known meaning or not the length that its meaning needs."""

    id: int
    data: bytes


Event = (
    PowerEvent
    | L1Diagnostics
    | SensorFrame
    | PreSleep
    | DidSleep
    | MacroMarker
    | Collision
    | OrbBasicPrint
    | OrbBasicError
    | SelfLevelDone
    | GyroLimit
    | UnknownAsync
)

_COLLISION: Final = struct.Struct(">hhhBhhBI")
_MARKER: Final = struct.Struct(">BBH")


def decode_async(packet: AsyncPacket, stream: StreamConfig | None) -> Event:
    """Give an async packet its meaning; `stream` is the last stream request that was acknowledged.

    Never raises: whatever cannot be understood comes back as UnknownAsync.
    """
    event: Event | None
    if packet.id == AsyncId.SENSORS:
        event = _sensor_frame(packet.data, stream)
    else:
        decode = _DECODERS.get(packet.id)
        event = decode(packet.data) if decode is not None else None
    return event if event is not None else UnknownAsync(packet.id, packet.data)


def _sensor_frame(data: bytes, stream: StreamConfig | None) -> SensorFrame | None:
    """Cut a stream packet into frames by what was asked for; None if the lengths do not agree."""
    order = stream.ordered if stream is not None else ()
    if not order or not data or len(data) % (2 * len(order)):
        return None
    cut = struct.Struct(f">{len(order)}h")
    return SensorFrame(tuple(_scaled(order, values) for values in cut.iter_unpack(data)))


def _scaled(order: tuple[Sensor, ...], values: tuple[int, ...]) -> Mapping[str, float]:
    return {sensor.name: value * sensor.scale for sensor, value in zip(order, values, strict=True)}


def _power(data: bytes) -> PowerEvent | None:
    return PowerEvent(POWER_STATES.get(data[0], "unknown")) if len(data) == 1 else None


def _self_level(data: bytes) -> SelfLevelDone | None:
    return SelfLevelDone(SELF_LEVEL_RESULTS.get(data[0], "unknown")) if len(data) == 1 else None


def _gyro_limit(data: bytes) -> GyroLimit | None:
    if len(data) != 1:
        return None
    return GyroLimit(*(_sign(data[0] >> shift) for shift in (0, 2, 4)))


def _sign(bits: int) -> str | None:
    if bits & 1:
        return "positive"
    return "negative" if bits & 2 else None


def _marker(data: bytes) -> MacroMarker | None:
    return MacroMarker(*_MARKER.unpack(data)) if len(data) == _MARKER.size else None


def _collision(data: bytes) -> Collision | None:
    if len(data) != _COLLISION.size:
        return None
    x, y, z, axes, x_magnitude, y_magnitude, speed, timestamp = _COLLISION.unpack(data)
    return Collision(
        x / 4096,
        y / 4096,
        z / 4096,
        bool(axes & 1),
        bool(axes & 2),
        x_magnitude,
        y_magnitude,
        speed,
        timestamp,
    )


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("ascii", "replace")


_DECODERS: Final[Mapping[int, Callable[[bytes], Event | None]]] = {
    AsyncId.POWER: _power,
    AsyncId.L1_DIAGNOSTICS: lambda data: L1Diagnostics(_text(data)),
    AsyncId.PRE_SLEEP: lambda data: None if data else PreSleep(),
    AsyncId.DID_SLEEP: lambda data: None if data else DidSleep(),
    AsyncId.MACRO_MARKER: _marker,
    AsyncId.COLLISION: _collision,
    AsyncId.ORBBASIC_PRINT: lambda data: OrbBasicPrint(_text(data)),
    AsyncId.ORBBASIC_ERROR_TEXT: lambda data: OrbBasicError(_text(data)),
    AsyncId.ORBBASIC_ERROR_BINARY: lambda data: OrbBasicError(data.hex()),
    AsyncId.SELF_LEVEL: _self_level,
    AsyncId.GYRO_LIMIT: _gyro_limit,
}
