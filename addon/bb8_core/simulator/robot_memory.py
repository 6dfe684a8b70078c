"""The memory of the simulated robot: settings, lights, timers, and which of them survive sleep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

MOTION_TIMEOUTS = 0x10
NO_SLEEP_IN_CHARGER = 0x01
STOP_ON_DISCONNECT = 0x01


class Motor(NamedTuple):
    """The last command to the motors: speed 0-255, heading 0-359, and whether anything runs them."""

    speed: int
    heading: int
    moving: bool


AT_REST = Motor(0, 0, moving=False)


class Stream(NamedTuple):
    """A sensor stream as it was asked for; `left` packets, or None without end."""

    period_s: float
    frames: int
    mask1: int
    mask2: int
    left: int | None
    next_at: float


class Thresholds(NamedTuple):
    """Collision detection: thresholds in the units of the command, dead time in seconds."""

    x: int
    y: int
    dead_s: float


@dataclass(slots=True)
class Flash:
    """Survives sleep and the battery."""

    name: str
    permanent_options: int = 0
    user_colour: bytes = b"\x00\x00\xff"
    writes: int = 0


@dataclass(slots=True)
class Mind:
    """Is new after each sleep, as the real robot's is."""

    led: tuple[int, int, int] = (0, 0, 0)
    tail: int = 0
    motor: Motor = AT_REST
    temporary_options: int = 0
    motion_timeout_s: float = 2.0
    inactivity_s: float = 600.0
    last_reset: float = 0.0
    last_motion: float = 0.0
    warned: bool = False
    power_events: bool = False
    next_power_at: float = 0.0
    power_state: int = 0
    stream: Stream | None = None
    thresholds: Thresholds | None = None
    deaf_until: float = 0.0
    macro: int = 0
    macro_ends: float = 0.0
    temporary_macro: bytes = b""
    levelling_ends: float = 0.0
    clock_offset_ms: int = 0
    program: bytearray = field(default_factory=bytearray)

    @property
    def sleeps_at(self) -> float:
        """When the inactivity timer runs out."""
        return self.last_reset + self.inactivity_s
