"""The lights as Home Assistant sees them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples

from bb8_core.bridge.light_state import Light, after, light_json, tail_json
from bb8_core.requests.payload_parsing import Led, LedChange


def test_lights_follow_home_assistants_wishes() -> None:
    red = after(Light(), LedChange(True, (255, 0, 0), 128))
    assert red.shown == (128, 0, 0)
    assert after(red, LedChange(False, None, None)).shown == (0, 0, 0)
    again = after(after(red, LedChange(False, None, None)), LedChange(True, None, None))
    assert again == red
    assert after(red, LedChange(True, None, 255)).shown == (255, 0, 0)
    assert light_json(Light()) == {"state": None}
    assert light_json(after(red, Led(0, 0, 0)))["state"] == "OFF"
    assert tail_json(7) == {"state": "ON", "color_mode": "brightness", "brightness": 7}


@examples(50)
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_plain_colour_comes_out_as_it_went_in(red: int, green: int, blue: int) -> None:
    shown = after(Light(), Led(red, green, blue)).shown
    assert max(abs(a - b) for a, b in zip(shown, (red, green, blue), strict=True)) <= 1
    assert max(shown) == max(red, green, blue)
