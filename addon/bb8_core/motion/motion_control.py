"""All motion: drives with a time limit, gestures, and the stops that end both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bb8_core.motion.insistent_stops import StopSender
from bb8_core.motion.motion_gate import Allowed, Situation, refusal
from bb8_core.motion.motion_watchdog import Deadman
from bb8_core.motion.play_gesture import GesturePlayer
from bb8_core.motion.send_loop import Pump, Wire
from bb8_core.motion.send_queue import Item, Kind
from bb8_core.requests.acknowledgement import Report, silent
from bb8_core.robot import commands
from bb8_core.robot.gesture_steps import Step
from bb8_core.robot.packet_framing import Command

HEARTBEAT_S = 0.4
"""A running drive is repeated this often, well inside the firmware's motion timeout."""
LOOK_AGAIN_S = 0.05
"""While a drive is unanswered it is not repeated: a slow robot would carry the copies out later."""
STEP_MARGIN_S = 0.25
"""How much longer than planned a gesture's step lasts if the next one does not come."""
MOTION_TTL_S = 0.5
STOP_DEADLINE_S = 5.0
"""Within this time a stop is written, and within this time again it is answered or the link is cut; otherwise
the event loop hangs."""
RAW_MOTORS = "raw_motors"
_ROLLS = frozenset({"roll", "spin_in_place"})


@dataclass(frozen=True, slots=True)
class MotionState:
    """What the robot was last commanded to do; speed 0-255, heading 0-359."""

    moving: bool = False
    speed: int = 0
    heading: int = 0
    macro: str = ""
    may_move: bool = False
    """Whether it may still move: a motion was written since the last stop that the robot has answered."""

    @property
    def guarded(self) -> bool:
        """Whether the guard and the deadman count it as moving."""
        return self.moving or self.may_move


class Motion:
    """Owns every motor command. All methods belong to the event loop."""

    def __init__(
        self,
        wire: Wire,
        spacing_s: float,
        situation: Callable[[], Situation],
        deadman: Deadman,
        on_change: Callable[[MotionState], None],
        on_unstoppable: Callable[[], None],
    ) -> None:
        """Write to `wire`, at most one command per `spacing_s` seconds, stops excepted.

        `on_unstoppable` is called when stops cannot be written or stay unanswered.
        """
        self._deadman = deadman
        self._on_change = on_change
        self.pump = Pump(wire, spacing_s, self.may_send, self.written)
        self._stops = StopSender(self.pump, self._stop_written, self._stands, on_unstoppable)
        self._gesture = GesturePlayer(lambda: refusal(situation(), 0.0), self._send_step, self.stop)
        self._generation = 0
        self._heartbeat_ms = 0
        self._until = 0.0
        self._unbalanced = False
        self._timers: list[asyncio.TimerHandle] = []
        self.state = MotionState()

    @property
    def active(self) -> bool:
        """Whether the robot moves, or will as soon as the drive that waits is written."""
        return self.state.moving or self.pump.waiting(Kind.DRIVE)

    def expect_firmware_timeout(self, milliseconds: int) -> None:
        """The robot stops by itself after so many milliseconds without a drive; 0: it does not."""
        self._heartbeat_ms = milliseconds

    # Wishes

    def drive(self, allowed: Allowed, report: Report, ends_at: float = float("inf")) -> None:
        """Start or replace a drive; it ends after its time, and at `ends_at` (loop time) at the latest."""
        if self._gesture.playing:
            self.stop(silent)
        if allowed.ms == 0:
            self.stop(report)
            return
        self._put_motion(allowed.command, report, allowed.ms / 1000, ends_at, limited=True)

    def play(self, name: str, steps: Iterable[Step], report: Report) -> None:
        """Play a gesture or a way, step by step; what moves now is stopped first."""
        self.stop(silent)
        self._set(MotionState(True, 0, self.state.heading, name, self.state.may_move))
        self._gesture.play(steps, report)

    def stop(self, report: Report) -> None:
        """Stop now: nothing that waits is sent any more, and the stop overtakes everything."""
        self._halt()
        sequence = [commands.stop(self.state.heading)]
        if self._unbalanced:
            sequence += [commands.motors_off(), commands.stabilisation(1)]
        self._stops.send(sequence, report)

    def emergency_stop(self, report: Report) -> None:
        """Stop by every way that the firmware has, the plain stop first and twice."""
        self._halt()
        stop = commands.stop(self.state.heading)
        off = [commands.motors_off(), commands.stabilisation(1)]
        self._stops.send([stop, stop, commands.abort_macro(), *off], report)

    def balance_changed(self, on: bool) -> None:
        """The balance control was switched by a command."""
        self._unbalanced = not on

    def heading_set(self, heading: int) -> None:
        """The robot has taken its present direction as this heading, 0-359."""
        self._set(replace(self.state, heading=heading))

    def link_lost(self) -> None:
        """Forget everything: the robot stops by itself."""
        self._halt()
        self._unbalanced = False
        self._heartbeat_ms = 0
        self._stands()

    # What the pump asks

    def may_send(self, item: Item) -> bool:
        """Whether a motion is still wanted in the moment before it is written."""
        if item.kind is Kind.URGENT:
            return item.wanted()
        return not item.command.is_motor or item.generation == self._generation

    def written(self, item: Item) -> None:
        """A motion is being written now: from here its time runs."""
        if item.kind is not Kind.DRIVE:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._stops.overtake()
        self._cancel_timers()
        self._until = min(now + item.hold_s, item.ends_at)
        self._unbalanced = self._unbalanced or item.command.name == RAW_MOTORS
        self._deadman.arm(self._until - now)
        # Its time is over then, or a gesture's next step has not come in time.
        self._timers.append(loop.call_at(self._until, self.stop, silent))
        if self._heartbeat_ms and not self._gesture.playing and self._until - now > HEARTBEAT_S:
            self._timers.append(loop.call_later(HEARTBEAT_S, self._heartbeat, item))
        data = item.command.data
        rolling = item.command.name in _ROLLS
        heading = int.from_bytes(data[1:3], "big") if rolling else self.state.heading
        speed = data[0] if rolling else 0
        self._set(MotionState(True, speed, heading, self.state.macro, may_move=True))

    # Inside

    def _put_motion(
        self,
        command: Command,
        report: Report,
        hold_s: float,
        ends_at: float = float("inf"),
        *,
        limited: bool = False,
    ) -> None:
        expires = min(asyncio.get_running_loop().time() + MOTION_TTL_S, ends_at)
        self.pump.put(
            Item(Kind.DRIVE, command, report, expires, self._generation, hold_s, ends_at, limited=limited)
        )

    def _send_step(self, step: Step, report: Report) -> None:
        if step.command.is_motor:
            self._put_motion(step.command, report, step.hold_ms / 1000 + STEP_MARGIN_S)
        else:
            expires = asyncio.get_running_loop().time() + MOTION_TTL_S
            self.pump.put(Item(Kind.DISCRETE, step.command, report, expires))

    def _heartbeat(self, item: Item) -> None:
        """Repeat a running drive so that the firmware's own timeout does not end it early."""
        if item.generation != self._generation or self.pump.waiting(Kind.DRIVE):
            return
        if self.pump.unanswered(Kind.DRIVE):
            timer = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._heartbeat, item)
            self._timers.append(timer)
            return
        left = self._until - asyncio.get_running_loop().time()
        expires = self._until
        self.pump.put(Item(Kind.DRIVE, item.command, silent, expires, item.generation, left, self._until))

    def _halt(self) -> None:
        self._generation += 1
        self._cancel_timers()
        if self.state.guarded:
            self._deadman.arm(STOP_DEADLINE_S)
        self._gesture.cancel()
        self.pump.drop_motion()

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _stop_written(self) -> None:
        """A stop is on the wire: no motion is commanded any more, but the write may have been lost."""
        if self._gesture.playing or self._timers:
            return
        if self.state.may_move:
            self._deadman.arm(STOP_DEADLINE_S)
        self._set(MotionState(False, 0, self.state.heading, "", self.state.may_move))

    def _stands(self) -> None:
        """The robot has answered a stop, or the link is gone."""
        if not self._gesture.playing and not self._timers:
            self._deadman.disarm()
            self._set(MotionState(False, 0, self.state.heading, ""))

    def _set(self, state: MotionState) -> None:
        if state != self.state:
            self.state = state
            self._on_change(state)
