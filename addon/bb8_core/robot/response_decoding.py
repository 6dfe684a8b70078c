"""What the robot's answers mean, command by command.

`parse(command, data)` finds the right reading; each `parse_...` raises ValueError when the length is wrong.
Sources: sphero.js lib/parsers/response.js, spherov2.py commands, headers of the vendor's iOS SDK.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Mapping
from typing import Final

from bb8_core.robot.async_messages import POWER_STATES
from bb8_core.robot.packet_framing import CORE, SPHERO, Command
from bb8_core.robot.response_types import (
    Ack,
    Answer,
    AutoReconnect,
    BluetoothInfo,
    ChargerState,
    ChassisId,
    Colour,
    DeviceMode,
    FactoryCrc,
    L2Diagnostics,
    Locator,
    MacroStatus,
    Odometer,
    PacketTimes,
    PermanentOptions,
    PowerState,
    RawAnswer,
    Temperature,
    TemporaryOptions,
    Versions,
    VoltageTrips,
)

CHARGER_STATES: Final[Mapping[int, str]] = {0: "unknown", 1: "out_of_charger", 2: "in_charger"}
"""The vendor's reading; spherov2.py has another. Not verified on a robot."""

_POWER: Final = struct.Struct(">BBHHH")
_L2: Final = struct.Struct(">HxIIIIIIIIB16H2xHHIIHI")
_L2_COUNTERS: Final = tuple(
    field.name for field in dataclasses.fields(L2Diagnostics) if field.name != "boot_counters"
)
_NO_COMMAND: Final = 0xFFFF


def parse(command: Command, data: bytes) -> Answer:
    """Read the data of a good answer to `command`; ValueError if the length is wrong for it."""
    reading = _READINGS.get(command.key)
    if reading is not None:
        return reading(data)
    return RawAnswer(data) if data else Ack()


def _unpack(what: str, layout: struct.Struct, data: bytes) -> tuple[int, ...]:
    if len(data) != layout.size:
        raise ValueError(f"{what}: {layout.size} bytes expected, {len(data)} received")
    return layout.unpack(data)


def _nibbles(byte: int) -> str:
    return f"{byte >> 4}.{byte & 0xF}"


def parse_versions(data: bytes) -> Versions:
    """Read 00:02, 8 or 10 bytes."""
    if len(data) not in {8, 10}:
        raise ValueError(f"versions: 8 or 10 bytes expected, {len(data)} received")
    record, model, hw, major, minor, bootloader, orbbasic, macro = data[:8]
    api = f"{data[8]}.{data[9]}" if len(data) == 10 else None
    main_app = f"{major}.{minor}"
    return Versions(
        record, model, hw, main_app, _nibbles(bootloader), _nibbles(orbbasic), _nibbles(macro), api
    )


def parse_bluetooth_info(data: bytes) -> BluetoothInfo:
    """Read 00:11: name (16, NUL-padded), address in hexadecimal (12), a separator, three colours."""
    if len(data) != 32:
        raise ValueError(f"bluetooth info: 32 bytes expected, {len(data)} received")
    name = data[:16].rstrip(b"\0").decode("utf-8", "replace")
    digits = data[16:28].decode("ascii", "replace")
    address = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    return BluetoothInfo(name, address, data[29:32].hex())


def parse_auto_reconnect(data: bytes) -> AutoReconnect:
    """Read 00:13."""
    flag, after = _unpack("auto-reconnect", struct.Struct(">BB"), data)
    return AutoReconnect(bool(flag), after)


def parse_power_state(data: bytes) -> PowerState:
    """Read 00:20."""
    _, state, centivolts, charges, seconds = _unpack("power state", _POWER, data)
    return PowerState(centivolts / 100, POWER_STATES.get(state, "unknown"), charges, seconds)


def parse_voltage_trips(data: bytes) -> VoltageTrips:
    """Read 00:23."""
    low, critical = _unpack("voltage trip points", struct.Struct(">HH"), data)
    return VoltageTrips(low / 100, critical / 100)


def parse_charger_state(data: bytes) -> ChargerState:
    """Read 00:26."""
    (code,) = _unpack("charger state", struct.Struct(">B"), data)
    return ChargerState(code, CHARGER_STATES.get(code, "unknown"))


def parse_factory_crc(data: bytes) -> FactoryCrc:
    """Read 00:27."""
    return FactoryCrc(*_unpack("factory checksum", struct.Struct(">I"), data))


def parse_l2_diagnostics(data: bytes) -> L2Diagnostics:
    """Read 00:41, 88 bytes."""
    fields = _unpack("level-2 diagnostics", _L2, data)
    counters = dict(zip(_L2_COUNTERS, fields[:10] + fields[26:], strict=True))
    return L2Diagnostics(**counters, boot_counters=fields[10:26])


def parse_poll_times(data: bytes) -> PacketTimes:
    """Read 00:51."""
    return PacketTimes(*_unpack("packet times", struct.Struct(">III"), data))


def parse_chassis_id(data: bytes) -> ChassisId:
    """Read 02:07."""
    return ChassisId(*_unpack("chassis id", struct.Struct(">H"), data))


def parse_locator(data: bytes) -> Locator:
    """Read 02:15; position and velocity are signed."""
    return Locator(*_unpack("locator", struct.Struct(">hhhhH"), data))


def parse_temperature(data: bytes) -> Temperature:
    """Read 02:16: whole degrees and tenths."""
    whole, tenths = _unpack("temperature", struct.Struct(">BB"), data)
    return Temperature(whole + tenths / 10)


def parse_rgb_led(data: bytes) -> Colour:
    """Read 02:22."""
    return Colour(*_unpack("colour", struct.Struct(">BBB"), data))


def parse_permanent_options(data: bytes) -> PermanentOptions:
    """Read 02:36."""
    return PermanentOptions(*_unpack("permanent options", struct.Struct(">I"), data))


def parse_temporary_options(data: bytes) -> TemporaryOptions:
    """Read 02:38."""
    return TemporaryOptions(*_unpack("temporary options", struct.Struct(">I"), data))


def parse_device_mode(data: bytes) -> DeviceMode:
    """Read 02:44."""
    return DeviceMode(*_unpack("device mode", struct.Struct(">B"), data))


def parse_macro_status(data: bytes) -> MacroStatus:
    """Read 02:55 and 02:56."""
    macro, command = _unpack("macro status", struct.Struct(">BH"), data)
    return MacroStatus(macro, None if command == _NO_COMMAND else command)


def parse_odometer(data: bytes) -> Odometer:
    """Read 02:75."""
    return Odometer(*_unpack("odometer", struct.Struct(">I"), data))


_READINGS: Final[Mapping[tuple[int, int], Callable[[bytes], Answer]]] = {
    (CORE, 0x02): parse_versions,
    (CORE, 0x11): parse_bluetooth_info,
    (CORE, 0x13): parse_auto_reconnect,
    (CORE, 0x20): parse_power_state,
    (CORE, 0x23): parse_voltage_trips,
    (CORE, 0x26): parse_charger_state,
    (CORE, 0x27): parse_factory_crc,
    (CORE, 0x41): parse_l2_diagnostics,
    (CORE, 0x51): parse_poll_times,
    (SPHERO, 0x07): parse_chassis_id,
    (SPHERO, 0x15): parse_locator,
    (SPHERO, 0x16): parse_temperature,
    (SPHERO, 0x22): parse_rgb_led,
    (SPHERO, 0x36): parse_permanent_options,
    (SPHERO, 0x38): parse_temporary_options,
    (SPHERO, 0x44): parse_device_mode,
    (SPHERO, 0x55): parse_macro_status,
    (SPHERO, 0x56): parse_macro_status,
    (SPHERO, 0x75): parse_odometer,
}
