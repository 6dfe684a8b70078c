"""The gestures (nod, shake, dance, figure eight): their steps, which the bridge plays one by one.

BB-8 has no animations: its head rides on a magnet above the drive, so that short opposed pulses of the
motors make it nod or shake (seen in sphero.js issue 45).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from bb8_core.robot import commands
from bb8_core.robot.packet_framing import Command

MAX_GESTURE_MS: Final = 8000
MAX_STEP_MS: Final = 800
"""A step that moves ends before the robot's own motion timeout would end it."""

_ROLL: Final = (0x02, 0x30)
_RAW_MOTORS: Final = (0x02, 0x33)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a gesture and how long it lasts, 0-800 ms."""

    command: Command
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Gesture:
    """A short motion that ends by itself: at most 8 s, and its last step is a stop. ValueError otherwise."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Refuse a gesture that could go on."""
        if not self.steps or not self.steps[-1].command.is_stop:
            raise ValueError("a gesture ends with a stop")
        if any(not 0 <= step.hold_ms <= MAX_STEP_MS for step in self.steps):
            raise ValueError(f"a step lasts 0 to {MAX_STEP_MS} ms")
        if self.duration_ms > MAX_GESTURE_MS:
            raise ValueError(f"a gesture lasts at most {MAX_GESTURE_MS} ms")

    def __iter__(self) -> Iterator[Step]:
        """The steps before the stop, which the player sends itself."""
        return iter(self.steps[:-1])

    @property
    def duration_ms(self) -> int:
        """Time from the first step to the end of the last."""
        return sum(step.hold_ms for step in self.steps)


def scaled(gesture: Gesture, speed_cap: int) -> Gesture:
    """Return the gesture with no speed and no motor power above `speed_cap` (0-255)."""
    if not 0 <= speed_cap <= 255:
        raise ValueError(f"a speed cap must be 0 to 255, not {speed_cap}")
    return Gesture(tuple(replace(step, command=_capped(step.command, speed_cap)) for step in gesture.steps))


def _capped(command: Command, cap: int) -> Command:
    data = bytearray(command.data)
    if command.key == _ROLL:
        data[0] = min(data[0], cap)
    elif command.key == _RAW_MOTORS:
        data[1], data[3] = min(data[1], cap), min(data[3], cap)
    return replace(command, data=bytes(data))


def _pulses(left: int, right: int, times: int, hold_ms: int) -> tuple[Step, ...]:
    """Swing back and forth `times` times, then balance again and stop."""
    there = Step(commands.raw_motors(left, right), hold_ms)
    back = Step(commands.raw_motors(-left, -right), hold_ms)
    rest = (
        Step(commands.motors_off(), 60),
        Step(commands.stabilisation(1), 60),
        Step(commands.stop(), 0),
    )
    return (there, back) * times + rest


def _rolls(speed: int, headings: tuple[int, ...], hold_ms: int) -> tuple[Step, ...]:
    legs = tuple(Step(commands.roll(speed, heading), hold_ms) for heading in headings)
    return (*legs, Step(commands.stop(headings[-1]), 0))


_CIRCLE: Final = tuple(range(0, 360, 30))

GESTURES: Final[Mapping[str, Gesture]] = MappingProxyType(
    {
        "nod": Gesture(_pulses(-80, -80, 2, 80)),
        "shake": Gesture(_pulses(80, -80, 3, 80)),
        "dance": Gesture(_rolls(60, (45, 225, 135, 315) * 2, 350)),
        "figure_eight": Gesture(_rolls(70, (*_CIRCLE, 0, *reversed(_CIRCLE)), 250)),
    }
)
"""Every gesture by name. Headings are the robot's own; `scaled` applies the speed cap."""
