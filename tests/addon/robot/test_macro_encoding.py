"""Macro bytes are those of the vendor."""

from __future__ import annotations

import pytest

from bb8_core.robot import macro_encoding


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (macro_encoding.macro_rgb(255, 0, 0) + macro_encoding.macro_delay(200), "07ff0000000b00c8"),
        (macro_encoding.macro_raw_motors(-80, 80), "0a0250015000"),
        (macro_encoding.macro_roll(100, 359, 1000), "1d64016703e8"),
        (macro_encoding.macro_fade(1, 2, 3, 500), "1401020301f4"),
        (macro_encoding.macro_loop(2, macro_encoding.macro_delay(50)), "1e020b00321f"),
        (macro_encoding.macro_rotate(-90, 1000), "1affa603e8"),
    ],
)
def test_macro_bytes(made: bytes, expected: str) -> None:
    assert made.hex() == expected


def test_a_macro_value_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        macro_encoding.macro_delay(65536)
    with pytest.raises(ValueError, match="heading"):
        macro_encoding.macro_roll(1, 360, 0)
