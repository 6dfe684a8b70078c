"""The simulated BB-8 as a Bluetooth peripheral: characteristics in, notifications out, time in between."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from bb8_core.simulator import senses, wire
from bb8_core.simulator.battery import (
    ASLEEP_DRAIN_PER_S,
    AWAKE_DRAIN_PER_S,
    MOVING_DRAIN_PER_S,
    Battery,
)
from bb8_core.simulator.body import Body
from bb8_core.simulator.faults import Faults, FaultyVoice
from bb8_core.simulator.firmware import CommandRefused, obey
from bb8_core.simulator.mind import (
    MOTION_TIMEOUTS,
    NO_SLEEP_IN_CHARGER,
    STOP_ON_DISCONNECT,
    Flash,
    Mind,
    Motor,
    Stream,
)

UUID: Final = "22bb746f-{}-7554-2d6f-726568705327"
COMMANDS: Final = UUID.format("2ba1")
RESPONSES: Final = UUID.format("2ba6")
ANTI_DOS: Final = UUID.format("2bbd")
TX_POWER: Final = UUID.format("2bb2")
WAKE: Final = UUID.format("2bbf")
DEEP_SLEEP: Final = UUID.format("2bb7")
KEY: Final = b"011i3"

PRE_SLEEP_S: Final = 10.0
POWER_EVERY_S: Final = 10.0
BOOT_S: Final = 0.5
LOOK_EVERY_S: Final = 0.05
"""While it moves and reports hits, the robot looks for them this often."""
_NEVER: Final = float("inf")


class SimulatedBB8:
    """One robot. Time passes when it is spoken to, looked at through `tick`, or woken by its backend.

    `clock` gives seconds, `faults` may be changed at any time. A fresh robot sleeps in reach and advertises.
    `on_notify` receives each notification; `on_disconnect` is called when the robot ends the link itself.
    """

    def __init__(
        self,
        address: str = "C9:00:00:00:B5:4A",
        name: str = "BB-B54A",
        clock: Callable[[], float] = time.monotonic,
        faults: Faults | None = None,
    ) -> None:
        """Make a robot with a battery at four fifths, in the middle of its room."""
        self.address = address
        self.clock = clock
        self.now = clock()
        self.flash = Flash(name)
        self.mind = Mind()
        self.body = Body(now=self.now)
        self.battery = Battery(now=self.now, charged_at=self.now)
        self.voice = FaultyVoice(faults if faults is not None else Faults())
        self.log: list[tuple[float, bytes]] = []
        self.locator_origin = (0.0, 0.0)
        self.on_notify: Callable[[bytes], None] | None = None
        self.on_disconnect: Callable[[], None] | None = None
        self.connected = False
        self.in_reach = True
        self.deep_asleep = False
        self.awake_s = 0.0
        self._ear = wire.Ear()
        self._unlocked = False
        self._awake = False
        self._boots_at = _NEVER
        self._wakes_at = _NEVER
        self._sleep_asked: int | None = None
        self._said_later: deque[tuple[int, bytes]] = deque()
        self._outbox: deque[tuple[float, bytes]] = deque()

    # What can be seen

    @property
    def name(self) -> str:
        """The advertised name."""
        return self.flash.name

    @property
    def faults(self) -> Faults:
        """What goes wrong, to be changed at will."""
        return self.voice.faults

    @property
    def motor(self) -> Motor:
        """What the motors do now."""
        self.tick()
        return self.mind.motor

    @property
    def led(self) -> tuple[int, int, int]:
        """The colour shown."""
        return self.mind.led

    @property
    def tail(self) -> int:
        """Brightness of the tail light."""
        return self.mind.tail

    @property
    def awake(self) -> bool:
        """Whether the main processor listens to commands."""
        self.tick()
        return self._awake

    @property
    def on_charger(self) -> bool:
        """Whether it stands in its charger."""
        return self.battery.in_charger

    @property
    def advertising(self) -> bool:
        """Whether a scanner in reach hears it: not while connected, not in deep sleep."""
        return self.in_reach and not self.connected and not self.deep_asleep

    @property
    def position_cm(self) -> tuple[int, int]:
        """Where its locator believes it is."""
        x, y = self.locator_origin
        return (_wrapped((self.body.x_mm - x) / 10), _wrapped((self.body.y_mm - y) / 10))

    @property
    def clock_ms(self) -> int:
        """Its own clock, 32 bits of milliseconds."""
        return (int(self.now * 1000) + self.mind.clock_offset_ms) % 2**32

    # What can be done to it

    def put_on_charger(self) -> None:
        """Set it into its cradle, where its wheels turn freely; it also ends a deep sleep."""
        self.tick()
        self.battery.plug()
        self.body.held = True
        self.deep_asleep = False

    def take_off_charger(self) -> None:
        """Lift it out."""
        self.tick()
        self.battery.unplug()
        self.body.held = False

    def vanish(self) -> None:
        """Carry it out of reach: the link breaks."""
        self.in_reach = False
        self.hang_up()

    def appear(self) -> None:
        """Bring it back into reach."""
        self.in_reach = True

    # The link

    def connect(self) -> None:
        """Open the link; ConnectionError if it cannot be reached, or pretends so."""
        self.tick()
        if not self.advertising:
            raise ConnectionError("the robot does not advertise")
        if self.faults.refuse_connects > 0:
            self.faults.refuse_connects -= 1
            raise ConnectionError("le-connection-abort-by-local")
        self.connected = True
        self._unlocked = False
        self._ear.forget()
        self._outbox.clear()

    def disconnect(self) -> None:
        """Close the link from the other side; it stops if it was told to stop then."""
        if not self.connected:
            return
        self.tick()
        self.connected = False
        self.on_notify = None
        self._outbox.clear()
        self.mind.stream = None
        if self.mind.temporary_options & STOP_ON_DISCONNECT:
            self.halt()

    def hang_up(self) -> None:
        """Break the link from the robot's side, or by its absence."""
        if self.connected:
            told = self.on_disconnect
            self.disconnect()
            if told is not None:
                told()

    def write(self, characteristic: str, data: bytes) -> None:
        """Take a GATT write; what is not understood is ignored, as the real one does."""
        self.tick()
        if characteristic == ANTI_DOS:
            self._unlocked = data == KEY
        elif characteristic == DEEP_SLEEP:
            self._deep_sleep(data)
        elif not self._unlocked:
            return
        elif characteristic == WAKE and data[:1] in {b"\x01", b"\x02"}:
            self._wake()
        elif characteristic == COMMANDS and self._awake:
            self._hear(data)

    def read(self, characteristic: str) -> bytes:
        """Read the few characteristics that can be read."""
        texts = {"2a24": "30", "2a25": self.address.replace(":", ""), "2a26": "1.47"}
        return texts.get(characteristic[4:8], "").encode()

    # Time

    def tick(self) -> None:
        """Let everything happen that was due until now, in order."""
        target = self.clock()
        while (due := self._next_happening()) <= target:
            self._pass_time(max(due, self.now))
            self._happen()
        self._pass_time(max(target, self.now))
        self._report_hits()
        if self.mind.power_events and self.battery.state != self.mind.power_state:
            self._report_power()
        self._flush()

    def next_event(self) -> float | None:
        """Return when something happens by itself while nobody speaks, or None."""
        due = min(self._next_happening(), self._outbox[0][0] if self._outbox else _NEVER)
        if self.mind.thresholds is not None and self.mind.motor.moving:
            due = min(due, self.now + LOOK_EVERY_S)
        return None if due == _NEVER else due

    def _pass_time(self, now: float) -> None:
        passed = now - self.now
        drain = MOVING_DRAIN_PER_S if self.mind.motor.moving else AWAKE_DRAIN_PER_S
        self.battery.advance(now, drain if self._awake else ASLEEP_DRAIN_PER_S)
        self.body.advance(now)
        self.awake_s += passed if self._awake else 0.0
        self.now = now

    def _happenings(self) -> list[tuple[float, Callable[[], None]]]:
        """Everything that waits for its time."""
        if not self._awake:
            return [(self._boots_at, self._boot), (self._wakes_at, self._wake)]
        mind = self.mind
        waiting: list[tuple[float, Callable[[], None]]] = []
        if not (self.on_charger and self.flash.permanent_options & NO_SLEEP_IN_CHARGER):
            waiting.append((mind.sleeps_at, self._fall_asleep))
            if not mind.warned:
                waiting.append((mind.sleeps_at - PRE_SLEEP_S, self._warn))
        if mind.macro_ends:
            waiting.append((mind.macro_ends, self._end_of_macro))
        elif mind.motor.moving and self.flash.permanent_options & MOTION_TIMEOUTS:
            waiting.append((mind.last_motion + mind.motion_timeout_s, self.halt))
        if mind.power_events:
            waiting.append((mind.next_power_at, self._report_power))
        if mind.stream is not None:
            waiting.append((mind.stream.next_at, self._send_stream))
        if mind.levelling_ends:
            waiting.append((mind.levelling_ends, self._levelled))
        return waiting

    def _next_happening(self) -> float:
        return min((when for when, _ in self._happenings()), default=_NEVER)

    def _happen(self) -> None:
        """Do the first thing that is due."""
        when, what = min(self._happenings(), key=lambda waiting: waiting[0])
        if when <= self.now:
            what()

    # Sleep

    def _wake(self) -> None:
        self._wakes_at = _NEVER
        if not self._awake and self._boots_at == _NEVER:
            self._boots_at = self.now + BOOT_S

    def _boot(self) -> None:
        self._boots_at = _NEVER
        self._awake = True
        self.mind = Mind(last_reset=self.now)
        self._ear.forget()

    def _warn(self) -> None:
        self.mind.warned = True
        self.say(0x05)

    def _fall_asleep(self) -> None:
        self.halt()
        self.say(0x14)
        self._awake = False
        self.mind = Mind()
        self._flush()
        self.hang_up()

    def sleep_after_answer(self, wake_after_s: int) -> None:
        """Remember to fall asleep once the answer is out; FFFF is deep sleep."""
        self._sleep_asked = wake_after_s

    def _deep_sleep(self, key: bytes) -> None:
        if key == KEY:
            self._fall_asleep()
            self.deep_asleep = True
            self.hang_up()

    # Commands

    def _hear(self, data: bytes) -> None:
        for heard in self._ear.hear(data, self.now):
            if not self._awake:
                return
            self.log.append((self.now, heard.raw))
            if self.voice.happens(self.faults.abort):
                self.hang_up()
                return
            self._carry_out(heard)

    def _carry_out(self, heard: wire.Heard) -> None:
        if heard.resets_timer:
            self.mind.last_reset = self.now
            self.mind.warned = False
        mrsp, data = self._outcome(heard)
        if heard.wants_answer:
            self._send(wire.response(mrsp, heard.seq, data))
        while self._said_later:
            self.say(*self._said_later.popleft())
        if self._sleep_asked is not None:
            self._go_to_sleep(self._sleep_asked)
        self._report_hits()
        self._flush()

    def _outcome(self, heard: wire.Heard) -> tuple[int, bytes]:
        if not heard.intact:
            return (wire.BAD_CHECKSUM, b"")
        try:
            return (wire.OK, obey(self, heard.key, heard.data))
        except CommandRefused as refused:
            return (refused.mrsp, b"")

    def _go_to_sleep(self, wake_after_s: int) -> None:
        self._sleep_asked = None
        self._fall_asleep()
        self.deep_asleep = wake_after_s == 0xFFFF
        if 0 < wake_after_s < 0xFFFF:
            self._wakes_at = self.now + wake_after_s

    # Motion

    def halt(self) -> None:
        """Stop whatever runs the motors."""
        self.end_macro()
        self.body.brake()
        self.mind.motor = Motor(0, self.mind.motor.heading, moving=False)

    def start_macro(self, number: int, seconds: float, motor: Motor) -> None:
        """Let something run the motors that ends by itself; number 0 is no macro but a boost."""
        self.mind.macro = number
        self.mind.macro_ends = self.now + seconds
        self.mind.motor = motor

    def end_macro(self) -> None:
        """Forget a running macro; the motors are left to whoever comes next."""
        self.mind.macro = 0
        self.mind.macro_ends = 0.0

    def _end_of_macro(self) -> None:
        if self.mind.macro:
            self.say(0x06, bytes((0, self.mind.macro, 0, 0)))
        self.halt()

    def _levelled(self) -> None:
        self.mind.levelling_ends = 0.0
        self.say(0x0B, b"\x06")

    # Speaking

    def say(self, code: int, data: bytes = b"") -> None:
        """Send an async packet, if somebody listens."""
        self._send(wire.event(code, data))

    def say_later(self, code: int, data: bytes) -> None:
        """Send an async packet after the answer to the command in hand."""
        self._said_later.append((code, data))

    def _report_power(self) -> None:
        self.mind.power_state = self.battery.state
        self.mind.next_power_at = self.now + POWER_EVERY_S
        self.say(0x01, bytes((self.battery.state,)))

    def _send_stream(self) -> None:
        stream = self.mind.stream
        if stream is not None:
            self.say(0x03, senses.stream_packet(self, stream))
            self.mind.stream = _after(stream)

    def _report_hits(self) -> None:
        thresholds = self.mind.thresholds
        for impact in self.body.impacts:
            limit = 0 if thresholds is None else thresholds.x if impact.axis_x else thresholds.y
            if thresholds is None or not limit or impact.at < self.mind.deaf_until:
                continue
            if impact.speed_mm_s / 8 >= limit / 8:
                self.mind.deaf_until = impact.at + thresholds.dead_s
                self.say(0x07, senses.collision(self, impact))
        self.body.impacts.clear()

    def _send(self, packet: bytes) -> None:
        if self.connected and self.on_notify is not None:
            due = self.now + self.faults.delay_ms / 1000
            self._outbox.extend((due, piece) for piece in self.voice.pieces(packet))

    def _flush(self) -> None:
        while self._outbox and self._outbox[0][0] <= self.now:
            piece = self._outbox.popleft()[1]
            if self.on_notify is not None:
                self.on_notify(piece)


def _wrapped(centimetres: float) -> int:
    """Keep a position in the 16 bits that the locator has."""
    return (round(centimetres) + 0x8000) % 0x10000 - 0x8000


def _after(stream: Stream) -> Stream | None:
    """Return the stream that is left after one packet."""
    left = None if stream.left is None else stream.left - 1
    if left == 0:
        return None
    return stream._replace(left=left, next_at=stream.next_at + stream.period_s)
