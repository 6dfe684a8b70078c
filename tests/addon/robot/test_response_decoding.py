"""Answers are read as documented, and one of the wrong length is an error, not a guess."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from bb8_core.robot import commands, response_decoding
from bb8_core.robot.packet_framing import Command


@pytest.mark.parametrize(
    ("command", "data", "expected"),
    [
        (commands.ping(), "", response_decoding.Ack()),
        (commands.get_sku(), "424238", response_decoding.RawAnswer(b"BB8")),
        (
            commands.versions(),
            "011e010445331221",
            response_decoding.Versions(1, 30, 1, "4.69", "3.3", "1.2", "2.1", None),
        ),
        (commands.get_auto_reconnect(), "0114", response_decoding.AutoReconnect(True, 20)),
        (commands.power_state(), "010203200005003c", response_decoding.PowerState(8.0, "ok", 5, 60)),
        (commands.power_state(), "010903200005003c", response_decoding.PowerState(8.0, "unknown", 5, 60)),
        (commands.voltage_trips(), "02bc028a", response_decoding.VoltageTrips(7.0, 6.5)),
        (commands.charger_state(), "02", response_decoding.ChargerState(2, "in_charger")),
        (commands.charger_state(), "07", response_decoding.ChargerState(7, "unknown")),
        (commands.factory_crc(), "12345678", response_decoding.FactoryCrc(0x12345678)),
        (commands.chassis_id(), "0142", response_decoding.ChassisId(0x142)),
        (commands.read_locator(), "fff40154ffc900000037", response_decoding.Locator(-12, 340, -55, 0, 55)),
        (commands.temperature(), "1805", response_decoding.Temperature(24.5)),
        (commands.get_rgb_led(), "010203", response_decoding.Colour(1, 2, 3)),
        (commands.get_device_mode(), "00", response_decoding.DeviceMode(0)),
        (commands.macro_status(), "ff0007", response_decoding.MacroStatus(255, 7)),
        (commands.abort_macro(), "01ffff", response_decoding.MacroStatus(1, None)),
        (commands.read_odometer(), "000004d2", response_decoding.Odometer(1234)),
    ],
)
def test_an_answer_is_read(command: Command, data: str, expected: response_decoding.Answer) -> None:
    assert response_decoding.parse(command, bytes.fromhex(data)) == expected


def test_options_have_names() -> None:
    permanent = response_decoding.parse_permanent_options(b"\0\0\1\x12")
    assert permanent.motion_timeouts
    assert permanent.names == ("vector_drive", "motion_timeouts", "gyro_limit_events")
    temporary = response_decoding.parse_temporary_options(b"\0\0\0\1")
    assert temporary.stop_on_disconnect
    assert temporary.names == ("stop_on_disconnect",)
    assert response_decoding.parse_device_mode(b"\0").normal


def test_the_firmware_is_the_version_of_the_main_application() -> None:
    assert response_decoding.parse_versions(bytes.fromhex("011e01043f3312210132")).firmware == "4.63"


def test_clocks_give_offset_and_delay() -> None:
    times = response_decoding.parse_poll_times(struct.pack(">III", 100, 1150, 1160))
    assert times.offset_ms(130) == 1040
    assert times.delay_ms(130) == 20


def test_the_numbers_of_a_diagnosis_are_read_past_their_gaps() -> None:
    data = struct.pack(">H", 1) + b"\0" + struct.pack(">8IB", *range(10, 18), 3)
    data += struct.pack(">16H", *range(16)) + b"\0\0" + struct.pack(">HHIIHI", 7, 60, 3600, 999, 0, 5)
    reading = response_decoding.parse_l2_diagnostics(data)
    assert (reading.record, reading.rx_good, reading.tx_buffer_overruns) == (1, 10, 17)
    assert (reading.last_boot_reason, reading.boot_counters) == (3, tuple(range(16)))
    assert (reading.charges, reading.seconds_on, reading.distance_rolled) == (7, 3600, 999)
    assert reading.gyro_adjustments == 5


READINGS: list[Callable[[bytes], object]] = [
    response_decoding.parse_versions,
    response_decoding.parse_bluetooth_info,
    response_decoding.parse_power_state,
    response_decoding.parse_l2_diagnostics,
    response_decoding.parse_locator,
    response_decoding.parse_permanent_options,
    response_decoding.parse_odometer,
]


@pytest.mark.parametrize("reading", READINGS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("length", [0, 1, 9, 200])
def test_a_wrong_length_is_an_error(reading: Callable[[bytes], object], length: int) -> None:
    with pytest.raises(ValueError, match="bytes expected"):
        reading(bytes(length))
