"""How the simulated robot carries out each command: data in, data or a refusal out."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from bb8_core.simulator import wire
from bb8_core.simulator.battery import CRITICAL_V, LOW_V
from bb8_core.simulator.body import TURN_UNIT_DEG_S
from bb8_core.simulator.mind import Motor, Stream, Thresholds

if TYPE_CHECKING:
    from bb8_core.simulator.robot import SimulatedBB8

STREAM_CLOCK_HZ: Final = 400
SYSTEM_MACRO_S: Final = 6.0
LEVELLING_S: Final = 1.0
MACRO_SPEED: Final = 64
_TEMPORARY: Final = 0xFF
_MAIN_APP: Final = (4, 69)

Handler = Callable[["SimulatedBB8", bytes], bytes]


class CommandRefused(Exception):
    """The robot answers with this response code."""

    def __init__(self, mrsp: int) -> None:
        """Refuse with `mrsp`."""
        super().__init__(mrsp)
        self.mrsp = mrsp


def obey(robot: SimulatedBB8, key: tuple[int, int], data: bytes) -> bytes:
    """Carry out a command and return the data of its answer; CommandRefused where the robot would refuse."""
    if key[0] not in {0x00, 0x02}:
        raise CommandRefused(wire.BAD_DEVICE)
    entry = COMMANDS.get(key)
    if entry is None:
        raise CommandRefused(wire.BAD_COMMAND)
    lengths, handler = entry
    if lengths and len(data) not in lengths:
        raise CommandRefused(wire.BAD_MESSAGE)
    return handler(robot, data)


def _u16(data: bytes, at: int = 0) -> int:
    return data[at] * 256 + data[at + 1]


def _need(condition: bool) -> None:
    if not condition:
        raise CommandRefused(wire.BAD_PARAMETER)


def _nothing(_robot: SimulatedBB8, _data: bytes) -> bytes:
    return b""


# The robot as a device


def _versions(_robot: SimulatedBB8, _data: bytes) -> bytes:
    return bytes((1, 30, 1, *_MAIN_APP, 0x33, 0x12, 0x21, 1, 50))


def _set_name(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.flash.name = data.rstrip(b"\0").decode("utf-8", "replace")
    robot.flash.writes += 1
    return b""


def _bluetooth_info(robot: SimulatedBB8, _data: bytes) -> bytes:
    name = robot.flash.name.encode()[:16].ljust(16, b"\0")
    return name + robot.address.replace(":", "").encode() + b"\0" + bytes((1, 2, 3))


def _power_state(robot: SimulatedBB8, _data: bytes) -> bytes:
    battery = robot.battery
    return struct.pack(
        ">BBHHH", 1, battery.state, round(battery.volts * 100), battery.charges, battery.seconds_since_charge
    )


def _power_notifications(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.mind.power_events = data[0] != 0
    robot.mind.next_power_at = robot.now
    robot.mind.power_state = robot.battery.state
    return b""


def _sleep(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.sleep_after_answer(_u16(data))
    return b""


def _voltage_trips(_robot: SimulatedBB8, _data: bytes) -> bytes:
    return struct.pack(">HH", round(LOW_V * 100), round(CRITICAL_V * 100))


def _inactivity(robot: SimulatedBB8, data: bytes) -> bytes:
    _need(_u16(data) >= 60)
    robot.mind.inactivity_s = float(_u16(data))
    return b""


def _charger(robot: SimulatedBB8, _data: bytes) -> bytes:
    return b"\x02" if robot.on_charger else b"\x01"


def _l1(robot: SimulatedBB8, _data: bytes) -> bytes:
    robot.say_later(0x02, b"BB-8 simulated\r\nall systems nominal\r\n")
    return b""


def _l2(robot: SimulatedBB8, _data: bytes) -> bytes:
    odometer = round(robot.body.odometer_mm / 10)
    counters = struct.pack(">HxIIIIIIIIB", 1, len(robot.log), 0, 0, 0, 0, 0, len(robot.log), 0, 1)
    life = struct.pack(
        ">HHIIHI",
        robot.battery.charges,
        robot.battery.seconds_since_charge,
        int(robot.awake_s),
        odometer,
        0,
        0,
    )
    return counters + bytes(34) + life


def _assign_time(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.mind.clock_offset_ms = int.from_bytes(data, "big") - int(robot.now * 1000)
    return b""


def _poll_times(robot: SimulatedBB8, data: bytes) -> bytes:
    return data + struct.pack(">I", robot.clock_ms) * 2


# Heading, balance and motion


def _set_heading(robot: SimulatedBB8, data: bytes) -> bytes:
    _need(_u16(data) < 360)
    robot.body.declare_heading(_u16(data))
    return b""


def _stabilisation(robot: SimulatedBB8, data: bytes) -> bytes:
    _need(data[0] <= 2)
    robot.body.balancing = data[0] > 0
    return b""


def _rotation_rate(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.body.max_turn_deg_s = max(data[0], 1) * TURN_UNIT_DEG_S
    return b""


def _self_level(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.mind.levelling_ends = robot.now + LEVELLING_S if data[0] & 1 else 0.0
    if not data[0] & 1:
        robot.say_later(0x0B, b"\x04")
    return b""


def _roll(robot: SimulatedBB8, data: bytes) -> bytes:
    speed, heading, state = data[0], _u16(data, 1), data[3]
    _need(heading < 360 and state <= 2)
    robot.end_macro()
    robot.mind.last_motion = robot.now
    if state == 1:
        robot.body.drive(speed, heading)
        robot.mind.motor = Motor(speed, heading, speed > 0)
    elif state == 2:
        robot.body.drive(0, heading)
        robot.mind.motor = Motor(0, heading, moving=False)
    else:
        robot.halt()
    return b""


def _boost(robot: SimulatedBB8, data: bytes) -> bytes:
    heading = _u16(data, 1)
    _need(heading < 360)
    robot.body.drive(255, heading)
    robot.start_macro(0, data[0] / 10 if data[0] else float("inf"), Motor(255, heading, moving=True))
    return b""


def _raw_motors(robot: SimulatedBB8, data: bytes) -> bytes:
    _need(data[0] <= 4 and data[2] <= 4)
    robot.end_macro()
    robot.mind.last_motion = robot.now
    signs = {1: 1, 2: -1}
    left, right = (signs.get(mode, 0) * power for mode, power in (data[:2], data[2:]))
    robot.body.balancing = False
    robot.body.push(left, right)
    moving = bool(left or right)
    robot.mind.motor = Motor(max(abs(left), abs(right)), robot.body.heading, moving)
    return b""


def _motion_timeout(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.mind.motion_timeout_s = _u16(data) / 1000
    return b""


# What is sensed


def _stream(robot: SimulatedBB8, data: bytes) -> bytes:
    divisor, frames, mask1, count, mask2 = struct.unpack(">HHIBI", data)
    _need(divisor > 0 and frames > 0)
    period = divisor * frames / STREAM_CLOCK_HZ
    wanted = Stream(period, frames, mask1, mask2, count or None, robot.now + period)
    robot.mind.stream = wanted if mask1 or mask2 else None
    return b""


def _collision_detection(robot: SimulatedBB8, data: bytes) -> bytes:
    method, x, _, y, _, dead = data
    _need(method <= 1)
    robot.mind.thresholds = Thresholds(x, y, dead / 100) if method and (x or y) else None
    return b""


def _locator(robot: SimulatedBB8, data: bytes) -> bytes:
    _, x_cm, y_cm, tare = struct.unpack(">BhhH", data)
    _need(tare < 360)
    robot.locator_origin = (robot.body.x_mm - x_cm * 10, robot.body.y_mm - y_cm * 10)
    return b""


def _read_locator(robot: SimulatedBB8, _data: bytes) -> bytes:
    x, y = robot.position_cm
    vx, vy = (round(v / 10) for v in robot.body.velocity)
    return struct.pack(">hhhhH", x, y, vx, vy, round(abs(robot.body.speed_mm_s) / 10))


def _temperature(_robot: SimulatedBB8, _data: bytes) -> bytes:
    return bytes((24, 5))


def _odometer(robot: SimulatedBB8, _data: bytes) -> bytes:
    return struct.pack(">I", round(robot.body.odometer_mm / 10))


# Lights


def _rgb(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.mind.led = (data[0], data[1], data[2])
    if data[3]:
        robot.flash.user_colour = data[:3]
        robot.flash.writes += 1
    return b""


def _tail(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.mind.tail = data[0]
    return b""


def _get_rgb(robot: SimulatedBB8, _data: bytes) -> bytes:
    return robot.flash.user_colour


# Options


def _set_permanent(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.flash.permanent_options = int.from_bytes(data, "big")
    robot.flash.writes += 1
    return b""


def _get_permanent(robot: SimulatedBB8, _data: bytes) -> bytes:
    return struct.pack(">I", robot.flash.permanent_options)


def _set_temporary(robot: SimulatedBB8, data: bytes) -> bytes:
    robot.mind.temporary_options = int.from_bytes(data, "big")
    return b""


def _get_temporary(robot: SimulatedBB8, _data: bytes) -> bytes:
    return struct.pack(">I", robot.mind.temporary_options)


# Macros and programs


def _run_macro(robot: SimulatedBB8, data: bytes) -> bytes:
    number = data[0]
    _need(number in {1, 2} or (number == _TEMPORARY and bool(robot.mind.temporary_macro)))
    robot.body.drive(MACRO_SPEED, robot.body.heading)
    robot.start_macro(number, SYSTEM_MACRO_S, Motor(MACRO_SPEED, robot.body.heading, moving=True))
    return b""


def _save_macro(robot: SimulatedBB8, data: bytes) -> bytes:
    _need(len(data) >= 3 and data[0] == _TEMPORARY and data[-1] == 0)
    robot.mind.temporary_macro = data[2:-1]
    return b""


def _abort_macro(robot: SimulatedBB8, _data: bytes) -> bytes:
    number = robot.mind.macro
    if number:
        robot.halt()
    return struct.pack(">BH", number, 0)


def _macro_status(robot: SimulatedBB8, _data: bytes) -> bytes:
    return struct.pack(">BH", robot.mind.macro, 0)


def _append_program(robot: SimulatedBB8, data: bytes) -> bytes:
    _need(len(data) >= 2 and data[0] == 0)
    robot.mind.program += data[1:]
    return b""


def _erase_program(robot: SimulatedBB8, _data: bytes) -> bytes:
    robot.mind.program.clear()
    return b""


def _run_program(robot: SimulatedBB8, _data: bytes) -> bytes:
    _need(bool(robot.mind.program))
    robot.say_later(0x08, b"ready\r\n")
    return b""


def _fixed(answer: bytes) -> Handler:
    return lambda _robot, _data: answer


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
