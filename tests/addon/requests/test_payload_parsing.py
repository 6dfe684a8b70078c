"""Payloads: what is well-formed is understood, everything else is refused with a reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples, texts
from tests.addon.voices import Ears

from bb8_core.requests.payload_parsing import (
    COMMANDS,
    BadPayload,
    Drive,
    Estop,
    Led,
    LedChange,
    Request,
    Steer,
    SteerTime,
    Stop,
    Tail,
    parse,
    parse_object,
)
from bb8_core.requests.refuse_or_accept import RawCommand, Reception


def intent(cmd: str, text: str) -> object:
    return parse(cmd, parse_object(text.encode()))


@pytest.mark.parametrize(
    ("cmd", "text", "expected"),
    [
        ("drive", '{"speed":100,"heading":90,"ms":500}', Drive(100, 90, 500)),
        ("drive", '{"speed":100.0,"heading":0}', Drive(100, 0, 1000)),
        ("led", '{"r":1,"g":2,"b":3}', Led(1, 2, 3)),
        ("led", '{"state":"ON","color":{"r":9,"g":8,"b":7},"brightness":10}', LedChange(True, (9, 8, 7), 10)),
        ("led", '{"state":"OFF"}', LedChange(False, None, None)),
        ("tail", '{"brightness":7}', Tail(7)),
        ("tail", '{"state":"ON"}', Tail(255)),
        ("tail", '{"state":"OFF","brightness":9}', Tail(0)),
        ("stop", "", Stop()),
        ("steer", '{"direction":"left"}', Steer("left")),
        ("steer_time", '{"value":100}', SteerTime(100)),
    ],
)
def test_well_formed_payloads_are_understood(cmd: str, text: str, expected: object) -> None:
    assert intent(cmd, text) == expected


@pytest.mark.parametrize(
    ("cmd", "text", "code"),
    [
        ("drive", "", "BAD_VALUE"),
        ("drive", '{"speed":256,"heading":0}', "BAD_VALUE"),
        ("drive", '{"speed":-1,"heading":0}', "BAD_VALUE"),
        ("drive", '{"speed":true,"heading":0}', "BAD_VALUE"),
        ("drive", '{"speed":"100","heading":0}', "BAD_VALUE"),
        ("drive", '{"speed":1.5,"heading":0}', "BAD_VALUE"),
        ("drive", '{"speed":NaN,"heading":0}', "BAD_JSON"),
        ("drive", '{"speed":Infinity,"heading":0}', "BAD_JSON"),
        ("drive", '{"speed":1e999,"heading":0}', "BAD_VALUE"),
        ("drive", '{"speed":1,"heading":360}', "BAD_VALUE"),
        ("drive", '{"speed":1,"heading":0,"ms":5001}', "BAD_VALUE"),
        ("drive", "[1,2,3]", "BAD_JSON"),
        ("drive", "[" * 4000, "BAD_JSON"),
        ("led", '{"state":"on"}', "BAD_VALUE"),
        ("led", '{"state":[]}', "BAD_VALUE"),
        ("led", '{"state":"ON","color":[1,2,3]}', "BAD_VALUE"),
        ("power", '{"action":"explode"}', "BAD_VALUE"),
        ("power", '{"action":{}}', "BAD_VALUE"),
        ("macro", '{"name":7}', "BAD_VALUE"),
        ("steer", '{"direction":"up"}', "BAD_VALUE"),
        ("steer", '{"direction":[]}', "BAD_VALUE"),
        ("steer_time", '{"value":99}', "BAD_VALUE"),
        ("steer_speed", '{"value":256}', "BAD_VALUE"),
        ("deep_sleep", "{}", "UNKNOWN_COMMAND"),
        ("drive", '{"x":"' + "a" * 5000 + '"}', "TOO_LONG"),
    ],
)
def test_malformed_payloads_are_refused_with_a_code(cmd: str, text: str, code: str) -> None:
    with pytest.raises(BadPayload) as refused:
        intent(cmd, text)
    assert refused.value.code == code
    assert refused.value.reason


def reception() -> tuple[Reception, Ears, list[Request]]:
    ears = Ears()
    obeyed: list[Request] = []
    return Reception(ears, obeyed.append), ears, obeyed


@pytest.mark.parametrize("cmd", sorted({*COMMANDS} - {"stop", "estop"}))
def test_retained_commands_are_refused_and_counted(cmd: str) -> None:
    at, ears, obeyed = reception()
    at.receive(RawCommand(cmd, b'{"speed":1,"heading":1}', True, 0.0), 0.0)
    assert obeyed == []
    assert at.refused == {"RETAINED": 1}
    assert ears.acks[-1][1]["status"] == "rejected"


@pytest.mark.parametrize(("cmd", "meant"), [("stop", Stop()), ("estop", Estop())])
@pytest.mark.parametrize("payload", [b"\xff{", b"", b"[]", b'{"cid":[]}', b"x" * 9999])
@pytest.mark.parametrize("retained", [False, True])
def test_a_stop_stops_whatever_its_payload_and_flag(
    cmd: str, meant: object, payload: bytes, retained: bool
) -> None:
    at, _, obeyed = reception()
    at.receive(RawCommand(cmd, payload, retained, 0.0), 100.0)
    assert [request.intent for request in obeyed] == [meant]


def test_a_command_that_lay_around_is_not_obeyed() -> None:
    at, ears, obeyed = reception()
    at.receive(RawCommand("led", b'{"r":1,"g":1,"b":1,"cid":"a"}', False, 0.0), 6.0)
    assert obeyed == []
    assert (ears.acks[-1][1]["code"], ears.acks[-1][1]["cid"]) == ("STALE", "a")


@examples(50)
@given(texts(40) | st.sampled_from(COMMANDS), st.binary(max_size=300), st.booleans())
def test_no_bytes_make_the_reception_raise_and_each_is_obeyed_or_refused(
    cmd: str, payload: bytes, retained: bool
) -> None:
    at, ears, obeyed = reception()
    at.receive(RawCommand(cmd, payload, retained, 0.0), 0.0)
    assert len(obeyed) + len(ears.acks) >= 1
    assert all("/" not in name and "+" not in name and "#" not in name for name, _ in ears.acks)
    json.dumps([body for _, body in ears.acks])


@examples(50)
@given(
    st.sampled_from(COMMANDS),
    st.dictionaries(
        st.sampled_from(
            ["speed", "heading", "ms", "cid", "r", "g", "b", "state", "color", "brightness", "name"]
        ),
        st.none() | st.booleans() | st.integers() | st.floats() | texts(5) | st.lists(st.integers()),
    ),
)
def test_no_json_object_becomes_a_drive_out_of_range(cmd: str, value: dict[str, object]) -> None:
    at, _, obeyed = reception()
    at.receive(RawCommand(cmd, json.dumps(value).encode(), False, 0.0), 0.0)
    for request in obeyed:
        if isinstance(request.intent, Drive):
            assert 0 <= request.intent.speed <= 255
            assert 0 <= request.intent.heading <= 359
            assert 0 <= request.intent.ms <= 5000
