"""Frames typed by hand, and the decoder against every kind of noise."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples

from bb8_core.robot import commands, gatt_uuids, packet_framing
from bb8_core.robot.packet_framing import AsyncPacket, Command, Mrsp, Packet, Response, StreamDecoder, encode
from bb8_core.simulator import packet_codec

QUICK = examples(80)


@pytest.mark.parametrize(
    ("command", "seq", "expected"),
    [
        (commands.ping(), 0, "ff ff 00 01 00 01 fd"),
        (commands.ping(reset_timer=False), 1, "ff fd 00 01 01 01 fc"),
        (commands.roll(80, 270), 5, "ff ff 02 30 05 05 50 01 0e 01 63"),
        (commands.stop(270), 6, "ff ff 02 30 06 05 00 01 0e 00 b3"),
        (commands.rgb_led(1, 2, 3), 7, "ff ff 02 20 07 05 01 02 03 00 cb"),
        (commands.sleep(), 8, "ff ff 00 22 08 06 00 00 00 00 00 cf"),
        (commands.stop_on_disconnect(0), 9, "ff ff 02 37 09 05 00 00 00 01 b7"),
        (commands.collision_detection(dead_time_ms=500), 1, "ff ff 02 12 01 07 01 20 20 20 20 32 30"),
        (commands.without_answer(commands.abort_macro()), 2, "ff fe 02 55 02 01 a5"),
    ],
)
def test_commands_have_these_bytes(command: Command, seq: int, expected: str) -> None:
    assert encode(command, seq) == bytes.fromhex(expected)


def test_frames_are_written_in_pieces_of_twenty_bytes() -> None:
    frame = encode(commands.set_name("x" * 48), 1)
    pieces = packet_framing.chunks(frame)
    assert [len(piece) for piece in pieces] == [20, 20, 15]
    assert b"".join(pieces) == frame


@pytest.mark.parametrize(
    ("did", "cid", "data"),
    [
        (0x00, 0x30, b""),
        (0x01, 0x04, b""),
        (0x00, 0x22, b"\xff\xff\x00\x00\x00"),
        (0x02, 0x31, b"\x00\x00\x00"),
        (0x02, 0x31, b""),
        (0x02, 0x00, bytes(255)),
        (0x102, 0x00, b""),
    ],
)
def test_what_must_never_be_sent_cannot_be_expressed(did: int, cid: int, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Command(did, cid, data)


def test_a_command_cannot_become_a_forbidden_one() -> None:
    with pytest.raises(ValueError, match="deep sleep"):
        dataclasses.replace(commands.sleep(), data=b"\xff\xff\x00\x00\x00")


@pytest.mark.parametrize(
    ("command", "motor", "stop"),
    [
        (commands.roll(10, 0), True, False),
        (commands.roll(0, 0), True, False),
        (commands.stop(), True, True),
        (commands.spin_in_place(90), True, False),
        (commands.raw_motors(0, 1), True, False),
        (commands.motors_off(), True, True),
        (Command(2, 0x33, b"\x03\xff\x03\xff"), True, True),
        (Command(2, 0x30, b""), True, False),
        (Command(2, 0x33, b""), True, False),
        (commands.boost(1, 0), True, False),
        (commands.run_macro_figure_eight(), True, False),
        (commands.run_temporary_macro(), True, False),
        (commands.orbbasic_execute(10), True, False),
        (commands.self_level(), True, False),
        (commands.self_level_abort(), False, False),
        (commands.abort_macro(), False, False),
        (commands.ping(), False, False),
    ],
)
def test_motion_and_stops_are_distinguished(command: Command, motor: bool, stop: bool) -> None:
    assert (command.is_motor, command.is_stop) == (motor, stop)


def test_codes_have_names_and_unknown_ones_survive() -> None:
    (packet,) = StreamDecoder().feed(packet_codec.response(0x42, 1, b""), 0.0)
    assert packet == Response(0x42, 1, b"")
    assert isinstance(packet, Response)
    assert not packet.ok
    assert packet_framing.mrsp_name(0x42) == "0x42"
    assert packet_framing.mrsp_name(Mrsp.BAD_COMMAND) == "BAD_COMMAND"
    assert Response(4, 1, b"").unsupported
    assert not Response(1, 1, b"").unsupported


def test_a_bb8_is_recognised_by_any_of_its_marks() -> None:
    assert gatt_uuids.is_bb8("BB-B54A", (), ())
    assert gatt_uuids.is_bb8(None, {0x3033: b""}, ())
    assert gatt_uuids.is_bb8(None, (), [gatt_uuids.SERVICE_CONTROL])
    assert not gatt_uuids.is_bb8("GB-B54A", (), ())
    assert not gatt_uuids.is_bb8("BB-b54a", {0x004C: b""}, ["180a"])


def feed(decoder: StreamDecoder, *pieces: str, now: float = 0.0) -> list[Packet]:
    return [packet for piece in pieces for packet in decoder.feed(bytes.fromhex(piece), now)]


ACK_9 = Response(0, 9, b"")


@pytest.mark.parametrize(
    ("pieces", "packets"),
    [
        (("ffff000901f5",), 1),
        (("ff", "ff0009", "01f5"), 1),
        (("ffff000901f5ffff000901f5",), 2),
        (("753e", "ffff000901f5"), 1),
        (("ffff000901f500ffff000901f5",), 2),
        (("ffff00090100", "ffff000901f5"), 1),
        (("ff1200", "ffff000901f5"), 1),
        (("ffff00090000", "ffff000901f5"), 1),
        (("fffe03f0f000", "ffff000901f5"), 1),
        (("fffe030000", "ffff000901f5"), 1),
        (("ff120000ff", "ffff000901f5"), 1),
        (("ff", "ff", "ff00", "0901f5"), 1),
    ],
)
def test_noise_costs_no_good_packet(pieces: tuple[str, ...], packets: int) -> None:
    assert feed(StreamDecoder(), *pieces) == [ACK_9] * packets


def test_ff_inside_a_packet_means_nothing() -> None:
    packet = packet_codec.event(3, b"\xff\xff\xff\xfe\xff\xff")
    decoder = StreamDecoder()
    assert [p for b in packet for p in decoder.feed(bytes((b,)), 0.0)] == [
        AsyncPacket(3, b"\xff\xff\xff\xfe\xff\xff")
    ]
    assert decoder.stats.resyncs == 0


def test_a_partial_packet_times_out_and_gives_way_to_the_next() -> None:
    decoder = StreamDecoder()
    assert feed(decoder, "ffff000940", now=0.0) == []
    assert feed(decoder, "ffff000901f5", now=0.5) == []
    assert feed(decoder, "", now=1.1) == [ACK_9]
    assert decoder.stats.timeouts == 1
    assert decoder.stats.dropped_bytes == 5
    assert decoder.pending == 0


def test_each_partial_packet_has_a_second_of_its_own() -> None:
    decoder = StreamDecoder()
    feed(decoder, "ffff000940", now=0.0)
    feed(decoder, "ffff0009", now=0.9)
    assert feed(decoder, "", now=1.2) == []
    assert feed(decoder, "01f5", now=1.5) == [ACK_9]
    feed(decoder, "ffff", now=2.0)
    assert feed(decoder, "000901f5", now=3.5) == []


def test_a_reset_forgets_a_partial_packet() -> None:
    decoder = StreamDecoder()
    feed(decoder, "ffff0009")
    decoder.reset()
    assert decoder.pending == 0
    assert feed(decoder, "ffff000901f5") == [ACK_9]


packets = st.one_of(
    st.builds(Response, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=60)),
    st.builds(AsyncPacket, st.integers(0, 255), st.binary(max_size=120)),
)
noise = st.binary(max_size=12).map(lambda raw: raw.replace(b"\xff", b""))


def wire_bytes(packet: Packet) -> bytes:
    if isinstance(packet, Response):
        return packet_codec.response(packet.mrsp, packet.seq, packet.data)
    return packet_codec.event(packet.id, packet.data)


def split(raw: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at = [], 0
    while at < len(raw):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(raw[at : at + size])
        at += size
    return pieces


@QUICK
@given(st.lists(st.tuples(noise, packets), max_size=8), noise, st.lists(st.integers(1, 40), min_size=1))
def test_any_stream_yields_exactly_its_packets(
    parts: list[tuple[bytes, Packet]], tail: bytes, sizes: list[int]
) -> None:
    raw = b"".join(garbage + wire_bytes(packet) for garbage, packet in parts) + tail
    decoder = StreamDecoder()
    found = [packet for piece in split(raw, sizes) for packet in decoder.feed(piece, 0.0)]
    assert found == [packet for _, packet in parts]
    assert decoder.stats.dropped_bytes == sum(len(garbage) for garbage, _ in parts) + len(tail)
    assert decoder.pending == 0


@QUICK
@given(st.lists(st.tuples(st.binary(max_size=64), st.floats(0, 2)), max_size=30), packets)
def test_whatever_comes_the_decoder_lives_and_hears_what_follows(
    pieces: list[tuple[bytes, float]], packet: Packet
) -> None:
    decoder = StreamDecoder()
    now = 0.0
    for piece, pause in pieces:
        now += pause
        decoder.feed(piece, now)
        assert decoder.pending < packet_framing.MAX_PACKET
    decoder.feed(b"", now + 2)
    assert decoder.pending == 0
    assert decoder.feed(wire_bytes(packet), now + 3) == [packet]


def test_a_flood_is_held_only_up_to_the_cap() -> None:
    decoder = StreamDecoder()
    for _ in range(2000):
        decoder.feed(b"\xff\xfe\x03\x0f\xf0" + bytes(15), 0.0)
        assert decoder.pending < packet_framing.MAX_PACKET


@QUICK
@given(
    st.sampled_from([0x00, 0x02]),
    st.integers(0x32, 0xFF),
    st.binary(max_size=254),
    st.integers(0, 255),
    st.booleans(),
    st.booleans(),
)
def test_the_robot_reads_what_we_write(
    did: int, cid: int, data: bytes, seq: int, answer: bool, reset: bool
) -> None:
    command = Command(did, cid, data, answer=answer, reset_timer=reset)
    ear = packet_codec.Ear()
    (heard,) = [h for piece in packet_framing.chunks(encode(command, seq)) for h in ear.hear(piece, 0.0)]
    assert heard.intact
    assert (heard.key, heard.seq, heard.data) == ((did, cid), seq, data)
    assert (heard.wants_answer, heard.resets_timer) == (answer, reset)


def test_a_long_report_in_many_pieces_is_one_packet() -> None:
    decoder = StreamDecoder()
    pieces = packet_framing.chunks(packet_codec.event(2, b"all systems nominal\r\n" * 70))
    (packet,) = [packet for piece in pieces for packet in decoder.feed(piece, 0.0)]
    assert packet == AsyncPacket(2, b"all systems nominal\r\n" * 70)
    assert decoder.stats.dropped_bytes == 0


def test_a_response_in_two_pieces_is_read_long_after_an_event_in_two_pieces() -> None:
    """The short way of the event once kept the arrival times of its pieces: the response counted as late."""
    decoder = StreamDecoder()
    event = packet_codec.event(0x03, bytes(30))
    response = packet_codec.response(0, 7, b"\1\2")
    assert decoder.feed(event[:20], 100.0) == []
    assert decoder.feed(event[20:], 100.02) == [AsyncPacket(0x03, bytes(30))]
    assert decoder.feed(response[:4], 105.0) == []
    assert decoder.feed(response[4:], 105.02) == [Response(0, 7, b"\1\2")]
    assert decoder.stats.timeouts == 0
