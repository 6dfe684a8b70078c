"""The simulated BB-8 as a Bluetooth peripheral: characteristics in, notifications out, time in between."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from bb8_core.simulator import packet_codec
from bb8_core.simulator.injected_faults import Faults, FaultyVoice
from bb8_core.simulator.processor import NEVER, Processor
from bb8_core.simulator.robot_memory import STOP_ON_DISCONNECT, Mind, Motor
from bb8_core.simulator.robot_state import Droid

UUID: Final = "22bb746f-{}-7554-2d6f-726568705327"
COMMANDS: Final = UUID.format("2ba1")
RESPONSES: Final = UUID.format("2ba6")
ANTI_DOS: Final = UUID.format("2bbd")
TX_POWER: Final = UUID.format("2bb2")
WAKE: Final = UUID.format("2bbf")
DEEP_SLEEP: Final = UUID.format("2bb7")
KEY: Final = b"011i3"


class SimulatedBB8:
    """One robot. Time passes when it is spoken to, looked at through `tick`, or woken by its backend.

    `clock` gives seconds, `faults` may be changed at any time. A fresh robot sleeps in reach and advertises.
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
        self.droid = Droid(address, name, clock())
        self.flash, self.body, self.battery = self.droid.flash, self.droid.body, self.droid.battery
        self.faults = faults if faults is not None else Faults()
        self._voice = FaultyVoice(self.faults)
        self.log: list[tuple[float, bytes]] = []
        self.lost: list[tuple[int, float, bytes]] = []  # after how many commands of the log, when, and what
        self.on_notify: Callable[[bytes], None] | None = None
        self.on_disconnect: Callable[[], None] | None = None
        self.connected = False
        self.in_reach = True
        self.processor = Processor(self.droid, self._fell_asleep)
        self._ear = packet_codec.Ear()
        self._unlocked = False
        self._outbox: deque[tuple[float, bytes]] = deque()
        self._lagging: deque[tuple[float, packet_codec.Heard]] = deque()

    # What can be seen

    @property
    def name(self) -> str:
        """The advertised name."""
        return self.flash.name

    @property
    def mind(self) -> Mind:
        """Settings, lights and timers: new after each sleep."""
        return self.droid.mind

    @property
    def motor(self) -> Motor:
        """What the motors do now."""
        self.tick()
        return self.mind.motor

    @property
    def awake(self) -> bool:
        """Whether the main processor listens to commands."""
        self.tick()
        return self.processor.awake

    @property
    def advertising(self) -> bool:
        """Whether a scanner in reach hears it: not while connected, not in deep sleep."""
        return self.in_reach and not self.connected and not self.processor.deep_asleep

    # What can be done to it

    def put_on_charger(self) -> None:
        """Set it into its cradle, where its wheels turn freely; it also ends a deep sleep."""
        self.tick()
        self.battery.plug()
        self.body.held = True
        self.processor.deep_asleep = False

    def take_off_charger(self) -> None:
        """Lift it out."""
        self.tick()
        self.battery.unplug()
        self.body.held = False

    def vanish(self) -> None:
        """Carry it out of reach: the link breaks. `in_reach = True` brings it back."""
        self.in_reach = False
        self.hang_up()

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
        """Close the link from the other side; the robot stops if that option is set."""
        if not self.connected:
            return
        self.tick()
        self.connected = False
        self.on_notify = None
        self._outbox.clear()
        self.mind.stream = None
        if self.mind.temporary_options & STOP_ON_DISCONNECT:
            self.droid.halt()

    def hang_up(self) -> None:
        """Break the link from the robot's side, or by its absence."""
        if self.connected:
            callback = self.on_disconnect
            self.disconnect()
            if callback is not None:
                callback()

    def write(self, characteristic: str, data: bytes) -> None:
        """Take a GATT write; what is not understood is ignored. ConnectionError if it fails."""
        self.tick()
        if not self._voice.arrives():
            self.lost.append((len(self.log), self.droid.now, data))
            return
        if characteristic == ANTI_DOS:
            self._unlocked = data == KEY
        elif characteristic == DEEP_SLEEP:
            if data == KEY:
                self.processor.sleep_deeply()
        elif self._unlocked and characteristic == WAKE and data[:1] in {b"\x01", b"\x02"}:
            self.processor.wake()
        elif self._unlocked and characteristic == COMMANDS and self.processor.awake:
            self._hear(data)
        self._voice.acknowledge()

    def read(self, characteristic: str) -> bytes:
        """Read the few characteristics that can be read."""
        texts = {"2a24": "30", "2a25": self.address.replace(":", ""), "2a26": "1.47"}
        return texts.get(characteristic[4:8], "").encode()

    # Time

    def tick(self) -> None:
        """Let everything happen that was due until now, in order."""
        now = self.clock()
        while self._lagging and self._lagging[0][0] <= now:
            due, heard = self._lagging.popleft()
            self.processor.run_until(due)
            self._carry_out(heard)
        self.processor.run_until(now)
        self._send()

    def next_event(self) -> float | None:
        """Return when the next thing happens by itself, or None."""
        sends = self._outbox[0][0] if self._outbox else NEVER
        lagging = self._lagging[0][0] if self._lagging else NEVER
        due = min(self.processor.next_due(), self.processor.next_look(), sends, lagging)
        return None if due == NEVER else due

    # Inside

    def _hear(self, data: bytes) -> None:
        for heard in self._ear.hear(data, self.droid.now):
            if not self.processor.awake:
                return
            self.log.append((self.droid.now, heard.raw))
            if self._voice.happens(self.faults.abort):
                self.hang_up()
                return
            if self.faults.lag_ms:
                self._lagging.append((self.droid.now + self.faults.lag_ms / 1000, heard))
            else:
                self._carry_out(heard)

    def _carry_out(self, heard: packet_codec.Heard) -> None:
        if not self.processor.awake:
            return
        if heard.key in self.faults.refused:
            self.droid.answer(packet_codec.BAD_COMMAND, heard.seq, b"", heard.wants_answer)
        else:
            self.processor.carry_out(heard)
        self._send()

    def _send(self) -> None:
        """Send what is due, if a client has subscribed."""
        listening = self.connected and self.on_notify is not None
        due = self.droid.now + self.faults.delay_ms / 1000
        while self.droid.said:
            packet = self.droid.said.popleft()
            if listening:
                self._outbox.extend((due, piece) for piece in self._voice.pieces(packet))
        while self._outbox and self._outbox[0][0] <= self.droid.now:
            piece = self._outbox.popleft()[1]
            if self.on_notify is not None:
                self.on_notify(piece)

    def _fell_asleep(self) -> None:
        self._ear.forget()
        self._send()
        self.hang_up()
