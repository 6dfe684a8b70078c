"""The bytes of MQTT 3.1.1."""

from __future__ import annotations

import mqtt


def test_the_length_has_seven_bits_a_byte() -> None:
    assert mqtt.packet(0x30, b"x" * 127)[1] == 127
    assert mqtt.packet(0x30, b"x" * 321)[1:3] == b"\xc1\x02"


def test_connect_names_the_protocol_and_the_login() -> None:
    assert mqtt.connect("me", "u", "p") == b"\x10\x14\0\x04MQTT\x04\xc2\0<\0\x02me\0\x01u\0\x01p"


def test_a_message_survives_the_round_trip() -> None:
    data = mqtt.publish("a/b", b"hi", retain=True)
    assert data[0] == 0x31
    assert mqtt.message(data[2:]) == ("a/b", b"hi")
