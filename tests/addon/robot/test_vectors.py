"""Every vector, both ways: what is sent, what is received, what runs on the robot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.addon.robot.vectors import load

from bb8_core.robot import async_messages, commands, macro_encoding, packet_framing, response_decoding
from bb8_core.robot.async_messages import StreamConfig
from bb8_core.robot.packet_framing import Command, Response, StreamDecoder
from bb8_core.simulator.packet_codec import Ear

BUILT: dict[str, Callable[[], Command]] = {
    "ping_seq_255": commands.ping,
    "ping_noreset": lambda: commands.ping(reset_timer=False),
    "ping_neither": lambda: commands.without_answer(commands.ping(reset_timer=False)),
    "get_versions": commands.versions,
    "set_name": lambda: commands.set_name("BB-8 Kitchen"),
    "get_power_state": commands.power_state,
    "power_notify_on": lambda: commands.power_notifications(True),
    "power_notify_off": lambda: commands.power_notifications(False),
    "get_voltage_trips": commands.voltage_trips,
    "inactivity_600": lambda: commands.inactivity_timeout(600),
    "inactivity_60": lambda: commands.inactivity_timeout(60),
    "get_charger_state": commands.charger_state,
    "factory_crc": commands.factory_crc,
    "l1_diag": commands.l1_diagnostics,
    "l2_diag": commands.l2_diagnostics,
    "assign_time": lambda: commands.assign_time(16776960),
    "poll_times": lambda: commands.poll_times(16909060),
    "set_heading_0": lambda: commands.set_heading(0),
    "set_heading_180": lambda: commands.set_heading(180),
    "set_heading_359": lambda: commands.set_heading(359),
    "stab_off": lambda: commands.stabilisation(0),
    "rotation_rate_200": lambda: commands.rotation_rate(200),
    "get_chassis_id": commands.chassis_id,
    "self_level_start": commands.self_level,
    "self_level_abort": commands.self_level_abort,
    "stream_locator_velocity": lambda: commands.stream(StreamConfig(("x_cm", "y_cm", "vx_mm_s", "vy_mm_s"))),
    "stream_one_frame": lambda: commands.stream(
        StreamConfig(("accel_x_g", "accel_y_g", "accel_z_g"), divisor=400, packets=1)
    ),
    "stream_off": commands.stream_off,
    "collision_off": commands.collision_detection_off,
    "locator_set": lambda: commands.locator(100, 260, 270),
    "locator_set_negative": lambda: commands.locator(-100, -1, follow_heading=True),
    "accel_range": lambda: commands.accelerometer_range(2),
    "read_locator": commands.read_locator,
    "get_temperature": commands.temperature,
    "rgb_red_volatile": lambda: commands.rgb_led(255, 0, 0),
    "back_led_255": lambda: commands.tail_led(255),
    "back_led_0": lambda: commands.tail_led(0),
    "roll_go_4byte": lambda: commands.roll(100, 90),
    "roll_359": lambda: commands.roll(255, 359),
    "roll_calibrate": lambda: commands.spin_in_place(45),
    "raw_motors_fwd": lambda: commands.raw_motors(80, 80),
    "raw_motors_off": commands.motors_off,
    "motion_timeout_2000": lambda: commands.motion_timeout(2000),
    "perm_opts_motion_timeout": lambda: commands.set_permanent_motion_timeouts(0),
    "get_perm_opts": commands.get_permanent_options,
    "get_temp_opts": commands.get_temporary_options,
    "get_sku": commands.get_sku,
    "get_device_mode": commands.get_device_mode,
    "run_macro_1": commands.run_macro_figure_eight,
    "run_macro_temp": commands.run_temporary_macro,
    "macro_status": commands.macro_status,
    "ob_erase_ram": commands.orbbasic_erase,
    "ob_append": lambda: commands.orbbasic_append("10 basflg 1\r\n"),
    "ob_exec": lambda: commands.orbbasic_execute(10),
    "get_odometer": commands.read_odometer,
}
"""Which of our functions makes the command of a vector."""

WITHHELD = {
    "set_auto_reconnect": "useless, and stored",
    "sleep_300_macro_5": "would start a macro with nobody connected",
    "sleep_forever_3byte": "the five-byte form is sent",
    "rgb_persist": "writes flash",
    "roll_go_5byte": "the four-byte form is sent",
    "roll_reverse": "the four-byte form is sent",
    "device_mode_normal": "would leave the packet protocol",
    "reinit_macro": "erases stored macros",
    "set_name_48": "the unpadded form is sent",
    "control_system_preset_1": "documented nowhere",
    "collision_off_vendor": "method 0 switches it off",
    "save_temp_macro_rgb_delay_rgb": "has flags 00, ours always switches the motors off",
    "save_temp_macro_nod": "has flags 00, ours always switches the motors off",
}
"""Vectors that the codec masters and our functions do not say, and why."""


@pytest.mark.parametrize("vector", load("encode"))
def test_a_command_has_exactly_the_bytes_of_the_vector(vector: Any) -> None:
    raw = bytes.fromhex(vector["bytes"])
    data = raw[6:-1]
    assert packet_framing.frame(vector["sop2"], vector["did"], vector["cid"], vector["seq"], data) == raw
    name = vector["name"]
    assert (name in BUILT) != (name in WITHHELD)
    if name in BUILT:
        assert packet_framing.encode(BUILT[name](), vector["seq"]) == raw


@pytest.mark.parametrize("vector", load("encode"))
def test_the_simulated_robot_reads_each_vector(vector: Any) -> None:
    raw = bytes.fromhex(vector["bytes"])
    (heard,) = [h for piece in packet_framing.chunks(raw) for h in EAR.hear(piece, 0.0)]
    assert heard.intact
    assert (heard.key, heard.seq) == ((vector["did"], vector["cid"]), vector["seq"])
    assert heard.raw == raw


EAR = Ear()


@pytest.mark.parametrize("vector", load("decode"))
def test_notifications_decode_to_what_the_vector_expects(vector: Any) -> None:
    decoder = StreamDecoder()
    packets = [p for n in vector["notifications"] for p in decoder.feed(bytes.fromhex(n), 0.0)]
    assert len(packets) == 1
    packet = packets[0]
    wanted = vector.get("expected", {})
    found: dict[str, Any] = {
        "packets": len(packets),
        "dropped_bytes": decoder.stats.dropped_bytes,
        "checksum_errors": decoder.stats.checksum_errors,
    }
    if isinstance(packet, Response):
        found |= {"ok": packet.ok, "seq": packet.seq, **_meaning(vector, packet)}
    else:
        found |= _event(vector, packet)
    assert {key: found[key] for key in wanted} == wanted
    _agrees_with_libraries(vector, packet)


def _meaning(vector: Any, packet: Response) -> dict[str, Any]:
    if "reply_to" not in vector:
        return {}
    answer = response_decoding.parse(Command(*vector["reply_to"]), packet.data)
    assert not isinstance(answer, response_decoding.RawAnswer | response_decoding.Ack)
    known = {name: getattr(answer, name) for name in answer.__slots__}
    return known | {"voltage": known.get("voltage_v")}


def _event(vector: Any, packet: packet_framing.AsyncPacket) -> dict[str, Any]:
    asked = vector.get("streaming")
    stream = None
    if asked:
        names = [n for n, s in async_messages.SENSORS.items() if asked[f"mask{s.mask}"] & s.bit]
        stream = StreamConfig(tuple(names))
    event = async_messages.decode_async(packet, stream)
    assert not isinstance(event, async_messages.UnknownAsync)
    kinds = {async_messages.PreSleep: "pre_sleep", async_messages.DidSleep: "did_sleep"}
    known = {name: getattr(event, name) for name in event.__slots__}
    frame = dict(event.latest) if isinstance(event, async_messages.SensorFrame) else {}
    return known | frame | {"event": kinds.get(type(event))}


def _agrees_with_libraries(vector: Any, packet: Response | packet_framing.AsyncPacket) -> None:
    for oracle in vector["oracles"].values():
        for other in oracle["packets"]:
            assert other["data"] == packet.data.hex()
            assert other.get("mrsp", getattr(packet, "mrsp", None)) == getattr(packet, "mrsp", None)


MACRO: dict[str, Callable[[], bytes]] = {
    "mac_delay": lambda: macro_encoding.macro_delay(750),
    "mac_roll": lambda: macro_encoding.macro_roll(127, 90, 100),
    "mac_stab_on": lambda: macro_encoding.macro_stabilisation(1),
    "mac_stab_off": lambda: macro_encoding.macro_stabilisation(0),
    "mac_backled": lambda: macro_encoding.macro_tail(128, 10),
    "mac_loopend": lambda: macro_encoding.macro_loop(1, b"")[2:],
    "mac_emit": lambda: macro_encoding.macro_emit(3),
    "mac_stop": macro_encoding.macro_stop,
    "mac_rotate": lambda: macro_encoding.macro_rotate(360, 2000),
    "mac_wait_stop": lambda: macro_encoding.macro_wait_until_stop(100),
    "mac_rotrate": lambda: macro_encoding.macro_rotation_rate(127),
    "mac_sleep": macro_encoding.macro_sleep,
}


@pytest.mark.parametrize("vector", load("macro_commands"))
def test_macro_commands_are_those_of_the_vendor(vector: Any) -> None:
    assert MACRO[vector["name"]]().hex() == vector["bytes"]
