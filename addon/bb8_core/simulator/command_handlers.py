"""How the simulated robot carries out each command: data in, data or a refusal out."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from bb8_core.simulator import packet_codec
from bb8_core.simulator.battery_model import CRITICAL_V, LOW_V
from bb8_core.simulator.physics import TURN_UNIT_DEG_S
from bb8_core.simulator.robot_memory import Motor, Stream, Thresholds
from bb8_core.simulator.robot_state import Droid

STREAM_CLOCK_HZ: Final = 400
SYSTEM_MACRO_S: Final = 6.0
LEVELLING_S: Final = 1.0
MACRO_SPEED: Final = 64
_TEMPORARY: Final = 0xFF
_MAIN_APP: Final = (4, 69)

Handler = Callable[[Droid, bytes], bytes]


class CommandRefused(Exception):
    """The robot answers with this response code."""

    def __init__(self, mrsp: int) -> None:
        """Refuse with `mrsp`."""
        super().__init__(mrsp)
        self.mrsp = mrsp


def obey(droid: Droid, key: tuple[int, int], data: bytes) -> bytes:
    """Carry out a command and return the data of its answer; CommandRefused if the robot would refuse."""
    if key[0] not in {0x00, 0x02}:
        raise CommandRefused(packet_codec.BAD_DEVICE)
    entry = COMMANDS.get(key)
    if entry is None:
        raise CommandRefused(packet_codec.BAD_COMMAND)
    lengths, handler = entry
    if lengths and len(data) not in lengths:
        raise CommandRefused(packet_codec.BAD_MESSAGE)
    return handler(droid, data)


def _u16(data: bytes, at: int = 0) -> int:
    return data[at] * 256 + data[at + 1]


def _need(condition: bool) -> None:
    if not condition:
        raise CommandRefused(packet_codec.BAD_PARAMETER)


def _nothing(_droid: Droid, _data: bytes) -> bytes:
    return b""


# The robot as a device


def _versions(_droid: Droid, _data: bytes) -> bytes:
    return bytes((1, 30, 1, *_MAIN_APP, 0x33, 0x12, 0x21, 1, 50))


def _set_name(droid: Droid, data: bytes) -> bytes:
    droid.flash.name = data.rstrip(b"\0").decode("utf-8", "replace")
    droid.flash.writes += 1
    return b""


def _bluetooth_info(droid: Droid, _data: bytes) -> bytes:
    name = droid.flash.name.encode()[:16].ljust(16, b"\0")
    return name + droid.address.replace(":", "").encode() + b"\0" + bytes((1, 2, 3))


def _power_state(droid: Droid, _data: bytes) -> bytes:
    battery = droid.battery
    return struct.pack(
        ">BBHHH", 1, battery.state, round(battery.volts * 100), battery.charges, battery.seconds_since_charge
    )


def _power_notifications(droid: Droid, data: bytes) -> bytes:
    droid.mind.power_events = data[0] != 0
    droid.mind.next_power_at = droid.now
    droid.mind.power_state = droid.battery.state
    return b""


def _sleep(droid: Droid, data: bytes) -> bytes:
    droid.sleep_after_answer(_u16(data))
    return b""


def _voltage_trips(_droid: Droid, _data: bytes) -> bytes:
    return struct.pack(">HH", round(LOW_V * 100), round(CRITICAL_V * 100))


def _inactivity(droid: Droid, data: bytes) -> bytes:
    _need(_u16(data) >= 60)
    droid.mind.inactivity_s = float(_u16(data))
    return b""


def _charger(droid: Droid, _data: bytes) -> bytes:
    return b"\x02" if droid.on_charger else b"\x01"


def _l1(droid: Droid, _data: bytes) -> bytes:
    droid.say_later(0x02, b"BB-8 simulated\r\nall systems nominal\r\n")
    return b""


def _l2(droid: Droid, _data: bytes) -> bytes:
    odometer = round(droid.body.odometer_mm / 10)
    counters = struct.pack(">HxIIIIIIIIB", 1, droid.commands_heard, 0, 0, 0, 0, 0, droid.commands_heard, 0, 1)
    life = struct.pack(
        ">HHIIHI",
        droid.battery.charges,
        droid.battery.seconds_since_charge,
        int(droid.awake_s),
        odometer,
        0,
        0,
    )
    return counters + bytes(34) + life


def _assign_time(droid: Droid, data: bytes) -> bytes:
    droid.mind.clock_offset_ms = int.from_bytes(data, "big") - int(droid.now * 1000)
    return b""


def _poll_times(droid: Droid, data: bytes) -> bytes:
    return data + struct.pack(">I", droid.clock_ms) * 2


# Heading, balance and motion


def _set_heading(droid: Droid, data: bytes) -> bytes:
    _need(_u16(data) < 360)
    droid.body.declare_heading(_u16(data))
    return b""


def _stabilisation(droid: Droid, data: bytes) -> bytes:
    _need(data[0] <= 2)
    droid.body.balancing = data[0] > 0
    return b""


def _rotation_rate(droid: Droid, data: bytes) -> bytes:
    droid.body.max_turn_deg_s = max(data[0], 1) * TURN_UNIT_DEG_S
    return b""


def _self_level(droid: Droid, data: bytes) -> bytes:
    droid.mind.levelling_ends = droid.now + LEVELLING_S if data[0] & 1 else 0.0
    if not data[0] & 1:
        droid.say_later(0x0B, b"\x04")
    return b""


def _roll(droid: Droid, data: bytes) -> bytes:
    speed, heading, state = data[0], _u16(data, 1), data[3]
    _need(heading < 360 and state <= 2)
    droid.end_macro()
    droid.mind.last_motion = droid.now
    if state == 1:
        droid.body.drive(speed, heading)
        droid.mind.motor = Motor(speed, heading, speed > 0)
    elif state == 2:
        droid.body.drive(0, heading)
        droid.mind.motor = Motor(0, heading, moving=False)
    else:
        droid.halt()
    return b""


def _boost(droid: Droid, data: bytes) -> bytes:
    heading = _u16(data, 1)
    _need(heading < 360)
    droid.body.drive(255, heading)
    droid.start_macro(0, data[0] / 10 if data[0] else float("inf"), Motor(255, heading, moving=True))
    return b""


def _raw_motors(droid: Droid, data: bytes) -> bytes:
    _need(data[0] <= 4 and data[2] <= 4)
    droid.end_macro()
    droid.mind.last_motion = droid.now
    signs = {1: 1, 2: -1}
    left, right = (signs.get(mode, 0) * power for mode, power in (data[:2], data[2:]))
    droid.body.balancing = False
    droid.body.push(left, right)
    moving = bool(left or right)
    droid.mind.motor = Motor(max(abs(left), abs(right)), droid.body.heading, moving)
    return b""


def _motion_timeout(droid: Droid, data: bytes) -> bytes:
    droid.mind.motion_timeout_s = _u16(data) / 1000
    return b""


# What is sensed


def _stream(droid: Droid, data: bytes) -> bytes:
    divisor, frames, mask1, count, mask2 = struct.unpack(">HHIBI", data)
    _need(divisor > 0 and frames > 0)
    period = divisor * frames / STREAM_CLOCK_HZ
    wanted = Stream(period, frames, mask1, mask2, count or None, droid.now + period)
    droid.mind.stream = wanted if mask1 or mask2 else None
    return b""


def _collision_detection(droid: Droid, data: bytes) -> bytes:
    method, x, _, y, _, dead = data
    _need(method <= 1)
    droid.mind.thresholds = Thresholds(x, y, dead / 100) if method and (x or y) else None
    return b""


def _locator(droid: Droid, data: bytes) -> bytes:
    _, x_cm, y_cm, tare = struct.unpack(">BhhH", data)
    _need(tare < 360)
    droid.locator_origin = (droid.body.x_mm - x_cm * 10, droid.body.y_mm - y_cm * 10)
    return b""


def _read_locator(droid: Droid, _data: bytes) -> bytes:
    x, y = droid.position_cm
    vx, vy = (round(v / 10) for v in droid.body.velocity)
    return struct.pack(">hhhhH", x, y, vx, vy, round(abs(droid.body.speed_mm_s) / 10))


def _temperature(_droid: Droid, _data: bytes) -> bytes:
    return bytes((24, 5))


def _odometer(droid: Droid, _data: bytes) -> bytes:
    return struct.pack(">I", round(droid.body.odometer_mm / 10))


# Lights


def _rgb(droid: Droid, data: bytes) -> bytes:
    droid.mind.led = (data[0], data[1], data[2])
    if data[3]:
        droid.flash.user_colour = data[:3]
        droid.flash.writes += 1
    return b""


def _tail(droid: Droid, data: bytes) -> bytes:
    droid.mind.tail = data[0]
    return b""


def _get_rgb(droid: Droid, _data: bytes) -> bytes:
    return droid.flash.user_colour


# Options


def _set_permanent(droid: Droid, data: bytes) -> bytes:
    droid.flash.permanent_options = int.from_bytes(data, "big")
    droid.flash.writes += 1
    return b""


def _get_permanent(droid: Droid, _data: bytes) -> bytes:
    return struct.pack(">I", droid.flash.permanent_options)


def _set_temporary(droid: Droid, data: bytes) -> bytes:
    droid.mind.temporary_options = int.from_bytes(data, "big")
    return b""


def _get_temporary(droid: Droid, _data: bytes) -> bytes:
    return struct.pack(">I", droid.mind.temporary_options)


# Macros and programs


def _run_macro(droid: Droid, data: bytes) -> bytes:
    number = data[0]
    _need(number in {1, 2} or (number == _TEMPORARY and bool(droid.mind.temporary_macro)))
    droid.body.drive(MACRO_SPEED, droid.body.heading)
    droid.start_macro(number, SYSTEM_MACRO_S, Motor(MACRO_SPEED, droid.body.heading, moving=True))
    return b""


def _save_macro(droid: Droid, data: bytes) -> bytes:
    _need(len(data) >= 3 and data[0] == _TEMPORARY and data[-1] == 0)
    droid.mind.temporary_macro = data[2:-1]
    return b""


def _abort_macro(droid: Droid, _data: bytes) -> bytes:
    number = droid.mind.macro
    if number:
        droid.halt()
    return struct.pack(">BH", number, 0)


def _macro_status(droid: Droid, _data: bytes) -> bytes:
    return struct.pack(">BH", droid.mind.macro, 0)


def _append_program(droid: Droid, data: bytes) -> bytes:
    _need(len(data) >= 2 and data[0] == 0)
    droid.mind.program += data[1:]
    return b""


def _erase_program(droid: Droid, _data: bytes) -> bytes:
    droid.mind.program.clear()
    return b""


def _run_program(droid: Droid, _data: bytes) -> bytes:
    _need(bool(droid.mind.program))
    droid.say_later(0x08, b"ready\r\n")
    return b""


def _fixed(answer: bytes) -> Handler:
    return lambda _droid, _data: answer


COMMANDS: Final[Mapping[tuple[int, int], tuple[frozenset[int], Handler]]] = {
    key: (frozenset(lengths), handler)
    for key, lengths, handler in (
        ((0x00, 0x01), (0,), _nothing),
        ((0x00, 0x02), (0,), _versions),
        ((0x00, 0x10), range(1, 50), _set_name),
        ((0x00, 0x11), (0,), _bluetooth_info),
        ((0x00, 0x12), (2,), _nothing),
        ((0x00, 0x13), (0,), _fixed(b"\x00\x14")),
        ((0x00, 0x20), (0,), _power_state),
        ((0x00, 0x21), (1,), _power_notifications),
        ((0x00, 0x22), (3, 5), _sleep),
        ((0x00, 0x23), (0,), _voltage_trips),
        ((0x00, 0x25), (2,), _inactivity),
        ((0x00, 0x26), (0,), _charger),
        ((0x00, 0x27), (0,), _fixed(b"\x12\x34\x56\x78")),
        ((0x00, 0x40), (0,), _l1),
        ((0x00, 0x41), (0,), _l2),
        ((0x00, 0x50), (4,), _assign_time),
        ((0x00, 0x51), (4,), _poll_times),
        ((0x02, 0x01), (2,), _set_heading),
        ((0x02, 0x02), (1,), _stabilisation),
        ((0x02, 0x03), (1,), _rotation_rate),
        ((0x02, 0x07), (0,), _fixed(b"\x01\x42")),
        ((0x02, 0x09), (4,), _self_level),
        ((0x02, 0x11), (13,), _stream),
        ((0x02, 0x12), (6,), _collision_detection),
        ((0x02, 0x13), (7,), _locator),
        ((0x02, 0x14), (1,), _nothing),
        ((0x02, 0x15), (0,), _read_locator),
        ((0x02, 0x16), (0,), _temperature),
        ((0x02, 0x20), (4,), _rgb),
        ((0x02, 0x21), (1,), _tail),
        ((0x02, 0x22), (0,), _get_rgb),
        ((0x02, 0x30), (4, 5), _roll),
        ((0x02, 0x31), (3,), _boost),
        ((0x02, 0x33), (4,), _raw_motors),
        ((0x02, 0x34), (2,), _motion_timeout),
        ((0x02, 0x35), (4,), _set_permanent),
        ((0x02, 0x36), (0,), _get_permanent),
        ((0x02, 0x37), (4,), _set_temporary),
        ((0x02, 0x38), (0,), _get_temporary),
        ((0x02, 0x3A), (0,), _fixed(b"BB8-SIM")),
        ((0x02, 0x44), (0,), _fixed(b"\x00")),
        ((0x02, 0x50), (1,), _run_macro),
        ((0x02, 0x51), (), _save_macro),
        ((0x02, 0x55), (0,), _abort_macro),
        ((0x02, 0x56), (0,), _macro_status),
        ((0x02, 0x60), (1,), _erase_program),
        ((0x02, 0x61), (), _append_program),
        ((0x02, 0x62), (3,), _run_program),
        ((0x02, 0x63), (0,), _nothing),
        ((0x02, 0x75), (0,), _odometer),
    )
}
