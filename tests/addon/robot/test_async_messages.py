"""Events are decoded with their units, and nothing that arrives raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples

from bb8_core.robot import async_messages
from bb8_core.robot.async_messages import StreamConfig, decode_async
from bb8_core.robot.packet_framing import AsyncPacket


@pytest.mark.parametrize(
    ("code", "data", "event"),
    [
        (0x01, "03", async_messages.PowerEvent("low")),
        (0x01, "63", async_messages.PowerEvent("unknown")),
        (0x02, "68690d0a00", async_messages.L1Diagnostics("hi\r\n")),
        (0x05, "", async_messages.PreSleep()),
        (0x14, "", async_messages.DidSleep()),
        (0x06, "05010009", async_messages.MacroMarker(5, 1, 9)),
        (
            0x07,
            "1000f00008000200640032500000ea60",
            async_messages.Collision(1.0, -1.0, 0.5, False, True, 100, 50, 80, 60000),
        ),
        (0x08, "6f6b", async_messages.OrbBasicPrint("ok")),
        (0x09, "6f6b", async_messages.OrbBasicError("ok")),
        (0x0A, "00ff", async_messages.OrbBasicError("00ff")),
        (0x0B, "06", async_messages.SelfLevelDone("ok")),
        (0x0B, "63", async_messages.SelfLevelDone("unknown")),
        (0x0C, "19", async_messages.GyroLimit("positive", "negative", "positive")),
        (0x0C, "00", async_messages.GyroLimit(None, None, None)),
        (0x77, "01", async_messages.UnknownAsync(0x77, b"\x01")),
        (0x01, "", async_messages.UnknownAsync(0x01, b"")),
        (0x05, "01", async_messages.UnknownAsync(0x05, b"\x01")),
        (0x07, "00", async_messages.UnknownAsync(0x07, b"\x00")),
        (0x0C, "", async_messages.UnknownAsync(0x0C, b"")),
        (0x03, "0001", async_messages.UnknownAsync(0x03, b"\x00\x01")),
    ],
)
def test_an_event_has_its_meaning(code: int, data: str, event: async_messages.Event) -> None:
    assert decode_async(AsyncPacket(code, bytes.fromhex(data)), None) == event


def test_a_stream_is_read_by_what_was_asked_in_the_robots_order() -> None:
    config = StreamConfig(("q0_w", "yaw_deg", "accel_z_g"), frames=2)
    assert (config.mask(1), config.mask(2)) == (0x00012000, 0x80000000)
    packet = AsyncPacket(3, bytes.fromhex("ffff10002710 000a08001388"))
    event = decode_async(packet, config)
    assert isinstance(event, async_messages.SensorFrame)
    assert event.frames[0] == {"yaw_deg": -1.0, "accel_z_g": 1.0, "q0_w": 1.0}
    assert event.latest == {"yaw_deg": 10.0, "accel_z_g": 0.5, "q0_w": 0.5}


def test_a_stream_of_another_length_than_asked_is_not_guessed_at() -> None:
    packet = AsyncPacket(3, bytes(6))
    assert isinstance(decode_async(packet, StreamConfig(("x_cm", "y_cm"))), async_messages.UnknownAsync)


@examples(60)
@given(st.integers(0, 255), st.binary(max_size=90), st.sets(st.sampled_from(["x_cm", "y_cm", "yaw_deg"])))
def test_no_packet_raises(code: int, data: bytes, names: set[str]) -> None:
    assert decode_async(AsyncPacket(code, data), StreamConfig(tuple(names))) is not None
