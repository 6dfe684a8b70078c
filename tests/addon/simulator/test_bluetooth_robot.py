"""The simulated robot behaves as the facts about the real one say."""

from __future__ import annotations

import struct

import pytest
from tests.addon.simulator.desk import Desk, woken

from bb8_core.robot import async_messages, commands, gatt_uuids, macro_encoding, response_decoding
from bb8_core.robot.async_messages import StreamConfig
from bb8_core.robot.packet_framing import AsyncPacket, Command, Mrsp, encode
from bb8_core.simulator.bluetooth_robot import DEEP_SLEEP, KEY, Motor

AT_REST = (0, False)


def at_rest(motor: Motor) -> bool:
    return (motor.speed, motor.moving) == AT_REST


def test_it_is_silent_until_it_was_shown_the_key_and_woken() -> None:
    desk = Desk()
    desk.connect()
    desk.robot.write(gatt_uuids.WAKE, gatt_uuids.WAKE_UP)
    desk.after(2)
    assert not desk.robot.awake
    desk.robot.write(gatt_uuids.ANTI_DOS, b"wrong")
    desk.robot.write(gatt_uuids.WAKE, gatt_uuids.WAKE_UP)
    desk.after(2)
    desk.send(commands.ping())
    assert desk.packets == []
    assert desk.robot.log == []
    desk.robot.write(gatt_uuids.ANTI_DOS, gatt_uuids.ANTI_DOS_KEY)
    desk.robot.write(gatt_uuids.WAKE, gatt_uuids.WAKE_UP)
    desk.send(commands.ping())
    assert desk.packets == []
    desk.after(1)
    assert desk.ask(commands.ping()).ok


def test_a_new_connection_needs_the_key_again() -> None:
    desk = woken()
    desk.robot.disconnect()
    desk.connect()
    desk.send(commands.ping())
    assert desk.packets == []


def test_everything_received_is_logged_with_its_time() -> None:
    desk = woken()
    desk.send(commands.ping())
    assert desk.robot.log == [(desk.time, encode(commands.ping(), 1))]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (commands.versions(), response_decoding.Versions),
        (commands.get_bluetooth_info(), response_decoding.BluetoothInfo),
        (commands.get_auto_reconnect(), response_decoding.AutoReconnect),
        (commands.power_state(), response_decoding.PowerState),
        (commands.voltage_trips(), response_decoding.VoltageTrips),
        (commands.charger_state(), response_decoding.ChargerState),
        (commands.factory_crc(), response_decoding.FactoryCrc),
        (commands.l2_diagnostics(), response_decoding.L2Diagnostics),
        (commands.poll_times(7), response_decoding.PacketTimes),
        (commands.chassis_id(), response_decoding.ChassisId),
        (commands.read_locator(), response_decoding.Locator),
        (commands.temperature(), response_decoding.Temperature),
        (commands.get_rgb_led(), response_decoding.Colour),
        (commands.get_permanent_options(), response_decoding.PermanentOptions),
        (commands.get_temporary_options(), response_decoding.TemporaryOptions),
        (commands.get_device_mode(), response_decoding.DeviceMode),
        (commands.get_sku(), response_decoding.RawAnswer),
        (commands.macro_status(), response_decoding.MacroStatus),
        (commands.abort_macro(), response_decoding.MacroStatus),
        (commands.read_odometer(), response_decoding.Odometer),
        (commands.set_name("BB-8 Kitchen"), response_decoding.Ack),
        (commands.assign_time(5), response_decoding.Ack),
        (commands.l1_diagnostics(), response_decoding.Ack),
        (commands.rotation_rate(200), response_decoding.Ack),
        (commands.accelerometer_range(2), response_decoding.Ack),
        (commands.stabilisation(1), response_decoding.Ack),
        (commands.orbbasic_erase(), response_decoding.Ack),
        (commands.orbbasic_abort(), response_decoding.Ack),
        (commands.self_level_abort(), response_decoding.Ack),
        (commands.inactivity_timeout(60), response_decoding.Ack),
        (commands.motion_timeout(500), response_decoding.Ack),
        (commands.stream_off(), response_decoding.Ack),
        (commands.collision_detection_off(), response_decoding.Ack),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_command_is_answered_so_that_we_can_read_it(command: Command, kind: type) -> None:
    response = woken().ask(command)
    assert response.ok
    assert isinstance(response_decoding.parse(command, response.data), kind)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Command(0x07, 0x01), Mrsp.BAD_DEVICE),
        (Command(0x02, 0xEE), Mrsp.BAD_COMMAND),
        (Command(0x00, 0x01, b"x"), Mrsp.BAD_MESSAGE),
        (Command(0x02, 0x30, b"\x01\x01\x68\x01"), Mrsp.BAD_PARAMETER),
        (Command(0x00, 0x25, b"\x00\x05"), Mrsp.BAD_PARAMETER),
        (commands.run_temporary_macro(), Mrsp.BAD_PARAMETER),
    ],
)
def test_what_it_cannot_do_it_refuses(command: Command, code: int) -> None:
    desk = woken()
    assert desk.ask(command).mrsp == code
    assert at_rest(desk.robot.motor)


def test_a_command_with_a_wrong_checksum_is_refused_and_noise_is_ignored() -> None:
    desk = woken()
    frame = bytearray(encode(commands.roll(200, 0), 9))
    frame[-1] ^= 1
    desk.robot.write(gatt_uuids.COMMANDS, b"noise" + bytes(frame[:5]))
    desk.robot.write(gatt_uuids.COMMANDS, bytes(frame[5:]))
    assert [(p.mrsp, p.seq) for p in desk.packets] == [(2, 9)]  # type: ignore[union-attr]
    assert at_rest(desk.robot.motor)


def test_half_a_command_is_forgotten_after_a_while() -> None:
    desk = woken()
    desk.robot.write(gatt_uuids.COMMANDS, encode(commands.roll(200, 0), 1)[:6])
    desk.after(2)
    assert desk.ask(commands.ping()).ok
    assert at_rest(desk.robot.motor)


def test_a_command_that_wants_no_answer_gets_none() -> None:
    desk = woken()
    desk.send(commands.without_answer(commands.tail_led(9)))
    assert desk.packets == []
    assert desk.robot.mind.tail == 9


def test_it_drives_where_it_is_sent_and_measures_it() -> None:
    desk = woken()
    assert desk.ask(commands.roll(100, 90)).ok
    assert desk.robot.motor == (100, 90, True)
    desk.after(2)
    reading = response_decoding.parse_locator(desk.ask(commands.read_locator()).data)
    assert 80 < reading.x_cm < 170
    assert abs(reading.y_cm) < 40
    assert reading.sog_cm_s == 80
    desk.ask(commands.stop(90))
    assert at_rest(desk.robot.motor)
    desk.after(1)
    reading = response_decoding.parse_locator(desk.ask(commands.read_locator()).data)
    assert reading.sog_cm_s == 0
    rolled = response_decoding.parse_odometer(desk.ask(commands.read_odometer()).data)
    assert rolled.distance_cm == pytest.approx(reading.x_cm, abs=25)


def test_headings_count_from_the_zero_that_was_declared() -> None:
    desk = woken()
    desk.ask(commands.spin_in_place(90))
    desk.after(2)
    desk.ask(commands.set_heading(0))
    desk.ask(commands.locator(10, -20))
    desk.ask(commands.roll(50, 0))
    desk.after(1)
    reading = response_decoding.parse_locator(desk.ask(commands.read_locator()).data)
    assert reading.x_cm > 30
    assert reading.y_cm == pytest.approx(-20, abs=2)


def test_raw_motors_turn_it_and_push_it() -> None:
    desk = woken()
    desk.ask(commands.raw_motors(-80, -80))
    assert desk.robot.motor.moving
    desk.after(1)
    assert response_decoding.parse_locator(desk.ask(commands.read_locator()).data).y_cm < -20
    desk.ask(commands.raw_motors(60, -60))
    desk.after(0.5)
    assert desk.robot.body.heading == pytest.approx(120, abs=10)
    desk.ask(commands.motors_off())
    assert at_rest(desk.robot.motor)
    desk.ask(commands.stabilisation(1))
    assert desk.robot.body.balancing


def test_a_wall_stops_it_and_is_reported_once_per_dead_time() -> None:
    desk = woken()
    desk.ask(commands.collision_detection(dead_time_ms=1000))
    desk.ask(commands.roll(200, 0))
    for _ in range(60):
        desk.after(0.05)
    (hit,) = [
        async_messages.decode_async(p, None) for p in desk.packets if isinstance(p, AsyncPacket) and p.id == 7
    ]
    assert isinstance(hit, async_messages.Collision)
    assert (hit.axis_x, hit.axis_y) == (False, True)
    assert hit.speed == pytest.approx(200, abs=5)
    assert desk.robot.droid.position_cm[1] == pytest.approx(294, abs=1)


def test_a_wall_is_not_reported_without_a_request() -> None:
    desk = woken()
    desk.ask(commands.roll(200, 270))
    desk.after(4)
    assert desk.events(0x07) == []


def test_on_its_charger_the_wheels_turn_and_it_goes_nowhere() -> None:
    desk = woken()
    desk.robot.put_on_charger()
    desk.ask(commands.roll(200, 0))
    desk.after(1)
    assert desk.robot.motor.moving
    assert desk.robot.droid.position_cm == (0, 0)
    assert (
        response_decoding.parse_charger_state(desk.ask(commands.charger_state()).data).state == "in_charger"
    )


@pytest.mark.parametrize(("flags", "stops"), [(1, True), (0, False)])
def test_a_lost_link_stops_it_only_if_it_was_configured_so(flags: int, stops: bool) -> None:
    desk = woken()
    desk.ask(commands.set_temporary_options(flags))
    desk.ask(commands.roll(50, 0))
    desk.robot.hang_up()
    assert desk.drops == 1
    assert not desk.robot.connected
    assert at_rest(desk.robot.motor) is stops


@pytest.mark.parametrize(("armed", "stops"), [(True, True), (False, False)])
def test_the_motion_timeout_acts_only_with_its_permanent_option(armed: bool, stops: bool) -> None:
    desk = woken()
    if armed:
        desk.ask(commands.set_permanent_motion_timeouts(0))
    assert desk.robot.flash.writes == int(armed)
    desk.ask(commands.roll(50, 0))
    desk.after(1.9)
    desk.ask(commands.roll(50, 0))
    desk.after(1.9)
    assert desk.robot.motor.moving
    desk.after(0.2)
    assert at_rest(desk.robot.motor) is stops


def test_lights_shine_and_flash_is_left_alone() -> None:
    desk = woken()
    desk.ask(commands.rgb_led(1, 2, 3))
    assert desk.robot.mind.led == (1, 2, 3)
    assert desk.robot.flash.writes == 0
    desk.ask(Command(2, 0x20, b"\x09\x08\x07\x01"))
    assert desk.robot.flash.writes == 1
    assert desk.ask(commands.get_rgb_led()).data == b"\x09\x08\x07"


def test_it_warns_and_falls_asleep_after_its_inactivity_time() -> None:
    desk = woken()
    desk.ask(commands.inactivity_timeout(60))
    desk.after(45)
    desk.send(commands.ping(reset_timer=False))
    desk.after(6)
    assert desk.events(0x05) == [b""]
    assert desk.robot.next_event() == pytest.approx(desk.time + 9)
    desk.after(10)
    assert desk.events(0x14) == [b""]
    assert desk.drops == 1
    assert not desk.robot.awake
    assert desk.robot.advertising


def test_a_command_that_resets_the_timer_keeps_it_awake() -> None:
    desk = woken()
    desk.ask(commands.inactivity_timeout(60))
    for _ in range(5):
        desk.after(40)
        assert desk.ask(commands.ping()).ok
    assert desk.events(0x05) == []


def test_in_the_charger_it_stays_awake_if_its_option_is_set() -> None:
    desk = woken()
    desk.ask(Command(2, 0x35, b"\0\0\0\1"))
    desk.robot.put_on_charger()
    desk.after(700)
    assert desk.robot.awake


def test_sleep_forgets_what_is_not_in_flash() -> None:
    desk = woken()
    desk.ask(commands.set_name("BB-8 Kitchen"))
    desk.ask(commands.set_permanent_motion_timeouts(0))
    desk.ask(commands.stop_on_disconnect())
    desk.ask(commands.rgb_led(9, 9, 9))
    desk.ask(commands.sleep())
    assert desk.drops == 1
    desk.after(30)
    assert not desk.robot.awake
    desk.wake()
    assert response_decoding.parse_permanent_options(
        desk.ask(commands.get_permanent_options()).data
    ).motion_timeouts
    assert desk.ask(commands.get_temporary_options()).data == bytes(4)
    assert desk.robot.mind.led == (0, 0, 0)
    assert desk.robot.name == "BB-8 Kitchen"


def test_it_wakes_up_by_itself_when_configured_so() -> None:
    desk = woken()
    desk.ask(commands.sleep(60))
    desk.after(30)
    assert not desk.robot.awake
    desk.after(31)
    assert desk.robot.awake


@pytest.mark.parametrize("how", ["characteristic", "command"])
def test_deep_sleep_ends_only_on_the_charger(how: str) -> None:
    desk = woken()
    if how == "characteristic":
        desk.robot.write(DEEP_SLEEP, KEY)
    else:
        raw = bytes.fromhex("ffff00220106ffff000000d8")
        desk.robot.write(gatt_uuids.COMMANDS, raw)
    assert desk.robot.processor.deep_asleep
    assert not desk.robot.advertising
    with pytest.raises(ConnectionError):
        desk.robot.connect()
    desk.robot.put_on_charger()
    assert desk.robot.advertising


def test_power_is_reported_every_ten_seconds_and_sinks() -> None:
    desk = woken()
    desk.ask(commands.power_notifications(on=True))
    start = response_decoding.parse_power_state(desk.ask(commands.power_state()).data)
    desk.after(25)
    assert desk.events(0x01) == [b"\x02"] * 3
    desk.ask(commands.power_notifications(on=False))
    desk.after(300)
    later = response_decoding.parse_power_state(desk.ask(commands.power_state()).data)
    assert start.state == later.state == "ok"
    assert later.voltage_v < start.voltage_v
    assert later.seconds_since_charge == pytest.approx(326, abs=1)


def test_a_change_of_the_battery_is_reported_at_once() -> None:
    desk = woken()
    desk.ask(commands.power_notifications(on=True))
    desk.after(1)
    desk.robot.put_on_charger()
    desk.after(0.1)
    assert desk.events(0x01)[-1] == b"\x01"


@pytest.mark.parametrize(("level", "state"), [(0.9, "ok"), (0.3, "low"), (0.01, "critical")])
def test_the_battery_has_states(level: float, state: str) -> None:
    desk = woken()
    desk.robot.battery.level = level
    assert response_decoding.parse_power_state(desk.ask(commands.power_state()).data).state == state


def test_the_charger_charges() -> None:
    desk = woken()
    before = desk.robot.battery.charges
    desk.robot.put_on_charger()
    assert response_decoding.parse_power_state(desk.ask(commands.power_state()).data).state == "charging"
    desk.after(7200)
    desk.robot.take_off_charger()
    desk.after(5)
    assert desk.robot.battery.level > 0.99
    assert desk.robot.battery.charges == before + 1
    assert desk.robot.battery.seconds_since_charge == 5


def test_a_stream_is_what_was_asked_for_and_ends_by_its_count() -> None:
    desk = woken()
    config = StreamConfig(("yaw_deg", "x_cm", "y_cm", "speed_mm_s"), divisor=40, frames=1, packets=7)
    desk.ask(commands.roll(50, 90))
    desk.ask(commands.stream(config))
    desk.after(2)
    packets = [p for p in desk.packets if isinstance(p, AsyncPacket) and p.id == 3]
    assert len(packets) == 7
    frame = async_messages.decode_async(packets[-1], config)
    assert isinstance(frame, async_messages.SensorFrame)
    assert frame.latest["yaw_deg"] == pytest.approx(90, abs=1)
    assert frame.latest["x_cm"] > 5
    assert frame.latest["speed_mm_s"] == pytest.approx(400, abs=1)


def test_an_endless_stream_ends_on_request() -> None:
    desk = woken()
    desk.ask(commands.stream(StreamConfig(tuple(async_messages.SENSORS), divisor=400)))
    desk.after(3.5)
    assert [len(data) for data in desk.events(0x03)] == [62, 62, 62]
    desk.ask(commands.stream_off())
    desk.after(5)
    assert len(desk.events(0x03)) == 3


def test_macros_run_and_end_and_can_be_aborted() -> None:
    desk = woken()
    body = macro_encoding.macro_rgb(1, 2, 3) + macro_encoding.macro_delay(50)
    assert desk.ask(commands.save_temporary_macro(body)).ok
    assert desk.robot.mind.temporary_macro == body
    assert desk.ask(commands.run_temporary_macro()).ok
    assert response_decoding.parse_macro_status(desk.ask(commands.macro_status()).data).macro == 255
    assert desk.robot.motor.moving
    assert response_decoding.parse_macro_status(desk.ask(commands.abort_macro()).data).macro == 255
    assert at_rest(desk.robot.motor)
    desk.ask(commands.run_macro_figure_eight())
    desk.after(10)
    assert at_rest(desk.robot.motor)
    assert len(desk.events(0x06)) == 1


def test_a_boost_ends() -> None:
    desk = woken()
    desk.ask(commands.boost(5, 0))
    assert desk.robot.motor.moving
    desk.after(0.6)
    assert at_rest(desk.robot.motor)
    assert desk.events(0x06) == []


def test_programs_levelling_and_diagnoses_report_later() -> None:
    desk = woken()
    desk.ask(commands.orbbasic_append("10 print 1"))
    desk.ask(commands.orbbasic_execute(10))
    assert len(desk.events(0x08)) == 1
    desk.ask(commands.l1_diagnostics())
    assert len(desk.events(0x02)) == 1
    desk.ask(commands.self_level())
    desk.after(2)
    assert desk.events(0x0B) == [b"\x06"]


def test_clocks_can_be_compared() -> None:
    desk = woken()
    desk.ask(commands.assign_time(5000))
    desk.after(1)
    times = response_decoding.parse_poll_times(desk.ask(commands.poll_times(77)).data)
    assert (times.t1_ms, times.t2_ms) == (77, 6000)


def test_long_answers_come_in_pieces_of_twenty_bytes() -> None:
    desk = woken()
    desk.notifications.clear()
    info = desk.ask(commands.get_bluetooth_info())
    assert [len(n) for n in desk.notifications] == [20, 18]
    assert response_decoding.parse_bluetooth_info(info.data).address == "C9:00:00:00:B5:4A"


def test_out_of_reach_it_is_gone_until_it_is_brought_back() -> None:
    desk = woken()
    desk.robot.vanish()
    assert desk.drops == 1
    assert not desk.robot.advertising
    desk.robot.in_reach = True
    assert desk.robot.advertising


def test_device_information_can_be_read() -> None:
    robot = Desk().robot
    assert robot.read("00002a25-0000-1000-8000-00805f9b34fb") == b"C9000000B54A"
    assert robot.read("00002a29-0000-1000-8000-00805f9b34fb") == b""


def test_locator_data_wraps_into_sixteen_bits() -> None:
    desk = woken()
    desk.ask(commands.locator(-32768, 32767))
    data = desk.ask(commands.read_locator()).data
    assert struct.unpack(">hh", data[:4]) == (-32768, 32767)


def test_what_follows_a_sleep_in_the_same_write_is_not_obeyed() -> None:
    desk = woken()
    desk.robot.write(gatt_uuids.COMMANDS, encode(commands.sleep(), 1) + encode(commands.roll(99, 0), 2))
    assert len(desk.robot.log) == 1
    assert at_rest(desk.robot.motor)


def test_after_a_drive_its_body_comes_to_rest() -> None:
    desk = woken()
    desk.ask(commands.roll(37, 123))
    desk.after(1)
    assert not desk.robot.body.at_rest
    desk.ask(commands.stop(123))
    desk.after(2)
    assert desk.robot.body.at_rest


def test_nothing_waits_for_a_listener_that_left() -> None:
    desk = woken()
    desk.robot.faults.delay_ms = 100
    desk.send(commands.ping())
    desk.robot.on_notify = None
    desk.after(1)
    due = desk.robot.next_event()
    assert due is not None
    assert due > desk.time + 100
