"""Advertisements as raw bytes: what identifies a robot, whatever else is in them."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from bb8_core.radio.proxies.advertisement_data import MOST_KEPT, Advertised, parse
from bb8_core.robot.gatt_uuids import COMPANY_ID, SERVICE_CONTROL, is_bb8

SERVICE = bytes((17, 0x06)) + uuid.UUID(SERVICE_CONTROL).bytes[::-1]
NAME = b"\x08\x09BB-B54A"
COMPANY = b"\x05\xff\x33\x30\x01\x02"


def test_the_parts_of_a_bb8_are_read() -> None:
    found = parse(b"\x02\x01\x06" + SERVICE + NAME + COMPANY + b"\x00\x00")
    assert found == Advertised("BB-B54A", frozenset({COMPANY_ID}), frozenset({SERVICE_CONTROL}))
    assert is_bb8(found.name, found.company_ids, found.service_uuids)


def test_a_scan_response_adds_to_what_was_advertised() -> None:
    assert parse(SERVICE).with_later(parse(NAME)) == parse(SERVICE + NAME)
    assert parse(NAME).with_later(parse(COMPANY)).name == "BB-B54A"


def test_a_device_that_advertises_something_new_each_time_costs_no_memory() -> None:
    known = Advertised()
    for number in range(1000):
        known = known.with_later(Advertised(None, frozenset({number}), frozenset({str(number)})))
    assert len(known.company_ids) <= MOST_KEPT
    assert len(known.service_uuids) <= MOST_KEPT
    assert "999" in known.service_uuids


def test_what_is_cut_short_is_left_out() -> None:
    assert parse(NAME + COMPANY[:-1]) == parse(NAME)
    assert parse(b"\x02\xff\x33") == Advertised()


@given(st.binary(max_size=62))
def test_no_bytes_are_an_error(data: bytes) -> None:
    parse(data)
