"""The record of a file: what is untouched passes, and damage is named down to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.runs.evidence.file_record import BLOCK, compare, describe


@given(data=st.binary(min_size=1, max_size=3 * BLOCK), place=st.integers(0), change=st.integers(1, 255))
def test_a_single_changed_byte_is_found_with_its_old_value(data: bytes, place: int, change: int) -> None:
    at = place % len(data)
    broken = bytearray(data)
    broken[at] = (broken[at] + change) % 256
    flaw = compare(describe("a", data), bytes(broken))
    assert flaw is not None
    assert flaw.offset == at
    assert f"it was 0x{data[at]:02x}" in flaw.what


@given(data=st.binary(max_size=2 * BLOCK))
def test_what_was_recorded_passes(data: bytes) -> None:
    assert compare(describe("a", data), data) is None


def test_wider_damage_is_narrowed_to_its_first_block() -> None:
    data = bytes(range(256)) * 64
    broken = bytearray(data)
    broken[BLOCK + 10 : BLOCK + 14] = b"\0\0\0\0"
    flaw = compare(describe("a", data), bytes(broken))
    assert flaw is not None
    assert flaw.offset == BLOCK


@pytest.mark.parametrize(
    ("data", "words", "offset"), [(b"abc", "ends after 3", 3), (b"abcdefg", "it has 7", 6)]
)
def test_a_cut_and_a_longer_file_are_distinguished(data: bytes, words: str, offset: int) -> None:
    flaw = compare(describe("a", b"abcdef"), data)
    assert flaw is not None
    assert words in flaw.what
    assert flaw.offset == offset
