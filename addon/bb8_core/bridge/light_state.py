"""The robot's lights as Home Assistant sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bb8_core.publish_interface import Voice
from bb8_core.requests.payload_parsing import Led, LedChange

WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Light:
    """The colour at full brightness and the brightness, 0-255 each; `on` is None while unknown."""

    on: bool | None = None
    colour: tuple[int, int, int] = WHITE
    brightness: int = 255

    @property
    def shown(self) -> tuple[int, int, int]:
        """What the LED is set to."""
        if not self.on:
            return (0, 0, 0)
        red, green, blue = (round(c * self.brightness / 255) for c in self.colour)
        return (red, green, blue)


def after(light: Light, wish: Led | LedChange) -> Light:
    """The light that a wish asks for."""
    if isinstance(wish, Led):
        return _from_rgb(light, (wish.r, wish.g, wish.b))
    if not wish.on:
        return Light(False, light.colour, light.brightness)
    brightness = light.brightness if wish.brightness is None else wish.brightness
    return Light(brightness > 0, wish.colour or light.colour, brightness or light.brightness)


def _from_rgb(light: Light, rgb: tuple[int, int, int]) -> Light:
    peak = max(rgb)
    if peak == 0:
        return Light(False, light.colour, light.brightness)
    red, green, blue = (round(c * 255 / peak) for c in rgb)
    return Light(True, (red, green, blue), peak)


def light_json(light: Light) -> dict[str, Any]:
    """The state of the main light: Home Assistant's form and the plain r, g, b that the LED has."""
    if light.on is None:
        return {"state": None}
    red, green, blue = light.colour
    shown = dict(zip("rgb", light.shown, strict=True))
    state: dict[str, Any] = {"state": "ON" if light.on else "OFF", **shown}
    if light.on:
        state |= {
            "color_mode": "rgb",
            "color": {"r": red, "g": green, "b": blue},
            "brightness": light.brightness,
        }
    return state


def tail_json(brightness: int | None) -> dict[str, Any]:
    """The state of the tail light, 0-255; None is unknown."""
    if brightness is None:
        return {"state": None}
    if brightness == 0:
        return {"state": "OFF"}
    return {"state": "ON", "color_mode": "brightness", "brightness": brightness}


class Lamps:
    """The state of both lights, published at each change."""

    def __init__(self, voice: Voice) -> None:
        """Nothing is known yet."""
        self._voice = voice
        self.light = Light()
        self.tail: int | None = None

    def tell(self) -> None:
        """Publish both."""
        self.set_light(self.light)
        self.set_tail(self.tail)

    def set_light(self, light: Light) -> None:
        """The main light is like this now."""
        self.light = light
        self._voice.state("led", light_json(light))

    def set_tail(self, brightness: int | None) -> None:
        """The tail light has this brightness now, 0-255; None is unknown."""
        self.tail = brightness
        self._voice.state("tail", tail_json(brightness))

    def out(self) -> None:
        """Both are off: a robot that sleeps shows none."""
        self.set_light(replace(self.light, on=False))
        self.set_tail(0)
