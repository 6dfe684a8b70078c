"""The inside of the simulated robot: body, battery, memory, and what runs its motors."""

from __future__ import annotations

from collections import deque

from bb8_core.simulator import packet_codec
from bb8_core.simulator.battery_model import (
    ASLEEP_DRAIN_PER_S,
    AWAKE_DRAIN_PER_S,
    MOVING_DRAIN_PER_S,
    Battery,
)
from bb8_core.simulator.physics import Body
from bb8_core.simulator.robot_memory import Flash, Mind, Motor


class Droid:
    """Everything that commands read and change; it knows nothing of Bluetooth and holds no clock."""

    def __init__(self, address: str, name: str, now: float) -> None:
        """Make a robot with a battery at four fifths, in the middle of its room."""
        self.address = address
        self.now = now
        self.flash = Flash(name)
        self.mind = Mind()
        self.body = Body(now=now)
        self.battery = Battery(now=now, charged_at=now)
        self.locator_origin = (0.0, 0.0)
        self.awake_s = 0.0
        self.commands_heard = 0
        self.sleep_asked: int | None = None
        self.said: deque[bytes] = deque()
        """Packets that wait to be sent."""
        self._said_later: deque[tuple[int, bytes]] = deque()

    @property
    def on_charger(self) -> bool:
        """Whether it is in its charger."""
        return self.battery.in_charger

    @property
    def position_cm(self) -> tuple[int, int]:
        """The position that its locator reports."""
        x, y = self.locator_origin
        return (_wrapped((self.body.x_mm - x) / 10), _wrapped((self.body.y_mm - y) / 10))

    @property
    def clock_ms(self) -> int:
        """Its own clock, 32 bits of milliseconds."""
        return (int(self.now * 1000) + self.mind.clock_offset_ms) % 2**32

    def pass_time(self, now: float, awake: bool) -> None:
        """Move the body and drain the battery until `now`."""
        passed = now - self.now
        drain = MOVING_DRAIN_PER_S if self.mind.motor.moving else AWAKE_DRAIN_PER_S
        self.battery.advance(now, drain if awake else ASLEEP_DRAIN_PER_S)
        self.body.advance(now)
        self.awake_s += passed if awake else 0.0
        self.now = now

    def sleep_after_answer(self, wake_after_s: int) -> None:
        """Fall asleep once the answer is out; FFFF is deep sleep."""
        self.sleep_asked = wake_after_s

    # Motion

    def halt(self) -> None:
        """Stop whatever runs the motors."""
        self.end_macro()
        self.body.brake()
        self.mind.motor = Motor(0, self.mind.motor.heading, moving=False)

    def start_macro(self, number: int, seconds: float, motor: Motor) -> None:
        """Run the motors by something that ends by itself; number 0 is a boost, not a macro."""
        self.mind.macro = number
        self.mind.macro_ends = self.now + seconds
        self.mind.motor = motor

    def end_macro(self) -> None:
        """Forget a running macro; the motors stay as they are for the next command."""
        self.mind.macro = 0
        self.mind.macro_ends = 0.0

    # Speaking

    def say(self, code: int, data: bytes = b"") -> None:
        """Queue an async packet."""
        self.said.append(packet_codec.event(code, data))

    def say_later(self, code: int, data: bytes) -> None:
        """Queue an async packet behind the answer to the command that is being carried out."""
        self._said_later.append((code, data))

    def answer(self, mrsp: int, seq: int, data: bytes, wanted: bool) -> None:
        """Queue the answer to a command if it is wanted, and what must be sent after it."""
        if wanted:
            self.said.append(packet_codec.response(mrsp, seq, data))
        while self._said_later:
            self.say(*self._said_later.popleft())


def _wrapped(centimetres: float) -> int:
    """Keep a position in the 16 bits that the locator has."""
    return (round(centimetres) + 0x8000) % 0x10000 - 0x8000
