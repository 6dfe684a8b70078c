"""The main processor of the simulated robot: it sleeps, boots, obeys commands and keeps its timers."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Final

from bb8_core.simulator import packet_codec, sensor_output
from bb8_core.simulator.command_handlers import CommandRefused, obey
from bb8_core.simulator.robot_memory import MOTION_TIMEOUTS, NO_SLEEP_IN_CHARGER, Mind, Stream
from bb8_core.simulator.robot_state import Droid

PRE_SLEEP_S: Final = 10.0
POWER_EVERY_S: Final = 10.0
BOOT_S: Final = 0.5
LOOK_EVERY_S: Final = 0.05
"""While the robot moves and reports hits, it looks for them this often."""
NEVER: Final = float("inf")
Timer = tuple[float, Callable[[], None]]
_when: Final = itemgetter(0)


class Processor:
    """Runs a droid. A fresh one sleeps."""

    def __init__(self, droid: Droid, fell_asleep: Callable[[], None]) -> None:
        """Run `droid`; `fell_asleep` is called when it has fallen asleep, once everything was sent."""
        self.droid = droid
        self.awake = False
        self.deep_asleep = False
        self._fell_asleep = fell_asleep
        self._boots_at = NEVER
        self._wakes_at = NEVER

    # Time

    def run_until(self, target: float) -> None:
        """Do everything that is due until then, in order."""
        while (first := self._first())[0] <= target:
            due, action = first
            self.droid.pass_time(max(due, self.droid.now), self.awake)
            action()
        if target > self.droid.now:
            self.droid.pass_time(target, self.awake)
        self._report_hits()
        mind = self.droid.mind
        if mind.power_events and self.droid.battery.state != mind.power_state:
            self._report_power()

    def next_due(self) -> float:
        """When something happens by itself; infinity if nothing does."""
        return self._first()[0]

    def next_look(self) -> float:
        """When to look for hits while it moves; infinity while it does not have to."""
        mind = self.droid.mind
        return self.droid.now + LOOK_EVERY_S if mind.thresholds is not None and mind.motor.moving else NEVER

    def _first(self) -> Timer:
        """What happens next by itself, and when."""
        return min(self._timers(), key=_when)

    def _timers(self) -> list[Timer]:
        """Everything that waits for its time."""
        if not self.awake:
            return [(self._boots_at, self._boot), (self._wakes_at, self.wake)]
        droid, mind = self.droid, self.droid.mind
        waiting: list[Timer] = [(NEVER, self.wake)]
        if not (droid.on_charger and droid.flash.permanent_options & NO_SLEEP_IN_CHARGER):
            waiting.append((mind.sleeps_at, self.fall_asleep))
            if not mind.warned:
                waiting.append((mind.sleeps_at - PRE_SLEEP_S, self._warn))
        if mind.macro_ends:
            waiting.append((mind.macro_ends, self._end_of_macro))
        elif mind.motor.moving and droid.flash.permanent_options & MOTION_TIMEOUTS:
            waiting.append((mind.last_motion + mind.motion_timeout_s, droid.halt))
        if mind.power_events:
            waiting.append((mind.next_power_at, self._report_power))
        if mind.stream is not None:
            waiting.append((mind.stream.next_at, self._send_stream))
        if mind.levelling_ends:
            waiting.append((mind.levelling_ends, self._levelled))
        return waiting

    # Sleep

    def wake(self) -> None:
        """Begin to boot."""
        self._wakes_at = NEVER
        if not self.awake and self._boots_at == NEVER:
            self._boots_at = self.droid.now + BOOT_S

    def fall_asleep(self) -> None:
        """Stop, report it and sleep; the settings that are not in flash are lost."""
        self.droid.halt()
        self.droid.say(0x14)
        self.awake = False
        self.droid.mind = Mind()
        self._fell_asleep()

    def sleep_deeply(self) -> None:
        """Sleep until the robot is put on its charger."""
        self.fall_asleep()
        self.deep_asleep = True

    def _boot(self) -> None:
        self._boots_at = NEVER
        self.awake = True
        self.droid.mind = Mind(last_reset=self.droid.now)

    def _warn(self) -> None:
        self.droid.mind.warned = True
        self.droid.say(0x05)

    def _sleep_as_asked(self) -> None:
        seconds, self.droid.sleep_asked = self.droid.sleep_asked, None
        if seconds is None:
            return
        self.fall_asleep()
        self.deep_asleep = seconds == 0xFFFF
        if 0 < seconds < 0xFFFF:
            self._wakes_at = self.droid.now + seconds

    # Commands

    def carry_out(self, heard: packet_codec.Heard) -> None:
        """Obey one command and queue its answer."""
        droid = self.droid
        droid.commands_heard += 1
        if heard.resets_timer:
            droid.mind.last_reset = droid.now
            droid.mind.warned = False
        mrsp, data = self._outcome(heard)
        droid.answer(mrsp, heard.seq, data, heard.wants_answer)
        self._sleep_as_asked()
        self._report_hits()

    def _outcome(self, heard: packet_codec.Heard) -> tuple[int, bytes]:
        if not heard.intact:
            return (packet_codec.BAD_CHECKSUM, b"")
        try:
            return (packet_codec.OK, obey(self.droid, heard.key, heard.data))
        except CommandRefused as refused:
            return (refused.mrsp, b"")

    # Reports

    def _end_of_macro(self) -> None:
        if self.droid.mind.macro:
            self.droid.say(0x06, bytes((0, self.droid.mind.macro, 0, 0)))
        self.droid.halt()

    def _levelled(self) -> None:
        self.droid.mind.levelling_ends = 0.0
        self.droid.say(0x0B, b"\x06")

    def _report_power(self) -> None:
        mind, state = self.droid.mind, self.droid.battery.state
        mind.power_state = state
        mind.next_power_at = self.droid.now + POWER_EVERY_S
        self.droid.say(0x01, bytes((state,)))

    def _send_stream(self) -> None:
        stream = self.droid.mind.stream
        if stream is not None:
            self.droid.say(0x03, sensor_output.stream_packet(self.droid, stream))
            self.droid.mind.stream = _after(stream)

    def _report_hits(self) -> None:
        mind = self.droid.mind
        for impact in self.droid.body.impacts:
            limit = (
                0 if mind.thresholds is None else mind.thresholds.x if impact.axis_x else mind.thresholds.y
            )
            if mind.thresholds is None or not limit or impact.at < mind.deaf_until:
                continue
            if impact.speed_mm_s / 8 >= limit / 8:
                mind.deaf_until = impact.at + mind.thresholds.dead_s
                self.droid.say(0x07, sensor_output.collision(self.droid, impact))
        self.droid.body.impacts.clear()


def _after(stream: Stream) -> Stream | None:
    """Return the stream that is left after one packet."""
    left = None if stream.left is None else stream.left - 1
    if left == 0:
        return None
    return Stream(
        stream.period_s, stream.frames, stream.mask1, stream.mask2, left, stream.next_at + stream.period_s
    )
