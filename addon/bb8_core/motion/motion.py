"""What moves: drives that end by their own time, gestures step by step, and stops that insist."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bb8_core.motion.deadman import Deadman
from bb8_core.motion.gate import Allowed, Situation, refusal
from bb8_core.motion.outbox import Item, Kind, silent
from bb8_core.motion.pump import Pump
from bb8_core.requests.outcome import LINK_LOST, SENT, STOPPED, AckStatus, Outcome, rejected
from bb8_core.robot import commands
from bb8_core.robot.macros import Gesture, Step
from bb8_core.robot.protocol import Command

STOP_TRIES = 3
HEARTBEAT_S = 0.4
"""A running drive is said again this often, well inside the firmware's motion timeout."""
STEP_MARGIN_S = 0.25
"""How much longer than planned a gesture's step lives if the next one does not come."""
MOTION_TTL_S = 0.5
STOP_DEADLINE_S = 5.0
"""Within this the stop is written or the link is cut, or the event loop is dead."""
RAW_MOTORS = "raw_motors"

Report = Callable[[Outcome], None]


class Verdict:
    """What a gesture comes to: confirmed only if its stop and every step before it were."""

    __slots__ = ("_end", "_outstanding", "_report", "failure")

    def __init__(self, report: Report) -> None:
        """Report once, when the stop's outcome and those of all steps are known."""
        self._report = report
        self._outstanding = 0
        self._end: Outcome | None = None
        self.failure: Outcome | None = None

    def step(self) -> Report:
        """Expect one more outcome; the first one that is not good counts."""
        self._outstanding += 1

        def heard(outcome: Outcome) -> None:
            if outcome.final:
                self._outstanding -= 1
                if outcome.status is not AckStatus.CONFIRMED:
                    self.failure = self.failure or outcome
                self._tell()

        return heard

    def stop(self, outcome: Outcome) -> None:
        """Take what became of the stop at the end."""
        if outcome.final:
            self._end = outcome
            self._tell()

    def _tell(self) -> None:
        if self._end is not None and not self._outstanding:
            self._report(self.failure or self._end)


@dataclass(frozen=True, slots=True)
class MotionState:
    """What the robot was last told to do; speed 0-255, heading 0-359."""

    moving: bool = False
    speed: int = 0
    heading: int = 0
    macro: str = ""


class Motion:
    """Owns every motor command. All methods belong to the event loop."""

    def __init__(
        self,
        situation: Callable[[], Situation],
        deadman: Deadman,
        on_change: Callable[[MotionState], None],
        on_unstoppable: Callable[[], None],
    ) -> None:
        """Wire it; `on_unstoppable` is called when stops stay unanswered. `attach` gives it the pump."""
        self._situation = situation
        self._deadman = deadman
        self._on_change = on_change
        self._on_unstoppable = on_unstoppable
        self._pump: Pump | None = None
        self._generation = 0
        self._heartbeat_ms = 0
        self._until = 0.0
        self._unbalanced = False
        self._timers: list[asyncio.TimerHandle] = []
        self._gesture: asyncio.Task[None] | None = None
        self.state = MotionState()

    def attach(self, pump: Pump) -> None:
        """Take the pump that writes for us."""
        self._pump = pump

    def expect_firmware_timeout(self, milliseconds: int) -> None:
        """The robot stops by itself after so many milliseconds without a drive; 0: it does not."""
        self._heartbeat_ms = milliseconds

    # Wishes

    def drive(self, allowed: Allowed, report: Report) -> None:
        """Start or replace a drive."""
        if self._gesture is not None:
            self.stop(silent)
        if allowed.ms == 0:
            self.stop(report)
            return
        self._put_motion(allowed.command, report, allowed.ms / 1000)

    def play(self, name: str, gesture: Gesture, report: Report) -> None:
        """Play a gesture; what moves now is stopped first."""
        self.stop(silent)
        self._set(MotionState(True, 0, self.state.heading, name))
        task = asyncio.get_running_loop().create_task(self._play(gesture, report, self._generation))
        self._gesture = task
        task.add_done_callback(self._gesture_ended)

    def stop(self, report: Report) -> None:
        """Stop now: nothing that waits is sent any more, the stop overtakes everything, and it insists."""
        self._halt()
        sequence = [commands.stop(self.state.heading)]
        if self._unbalanced:
            sequence += [commands.motors_off(), commands.stabilisation(1)]
        self._send_stops(sequence, report)

    def emergency_stop(self, report: Report) -> None:
        """Stop by every way that the firmware has, the plain stop first and twice."""
        self._halt()
        stop = commands.stop(self.state.heading)
        off = [commands.motors_off(), commands.stabilisation(1)]
        self._send_stops([stop, stop, commands.abort_macro(), *off], report)

    def balance_changed(self, on: bool) -> None:
        """The balance control was switched by a command."""
        self._unbalanced = not on

    def link_lost(self) -> None:
        """Forget everything: the robot stops by itself."""
        self._halt()
        self._unbalanced = False
        self._heartbeat_ms = 0
        self._stands()

    # The pump's questions

    def may_send(self, item: Item) -> bool:
        """Whether a motion is still wanted in the moment before it is written."""
        return item.kind is Kind.URGENT or not item.command.is_motor or item.generation == self._generation

    def written(self, item: Item) -> None:
        """A motion is being written now: from here its time runs."""
        if item.kind is not Kind.DRIVE:
            return
        now = asyncio.get_running_loop().time()
        self._cancel_timers()
        self._until = min(now + item.hold_s, item.ends_at)
        self._unbalanced = self._unbalanced or item.command.name == RAW_MOTORS
        self._deadman.arm(self._until - now)
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_at(self._until, self._time_up))
        if self._heartbeat_ms and self._gesture is None and self._until - now > HEARTBEAT_S:
            self._timers.append(loop.call_later(HEARTBEAT_S, self._heartbeat, item))
        data = item.command.data
        rolling = item.command.name in {"roll", "spin_in_place"}
        heading = int.from_bytes(data[1:3], "big") if rolling else self.state.heading
        self._set(MotionState(True, data[0] if rolling else 0, heading, self.state.macro))

    # Inside

    def _put(self, item: Item) -> None:
        if self._pump is not None:
            self._pump.put(item)

    def _put_motion(self, command: Command, report: Report, hold_s: float) -> None:
        expires = asyncio.get_running_loop().time() + MOTION_TTL_S
        self._put(Item(Kind.DRIVE, command, report, expires, self._generation, hold_s))

    def _heartbeat(self, item: Item) -> None:
        """Say a running drive again so that the firmware's own timeout does not end it early."""
        if item.generation != self._generation or self._pump is None or self._pump.waiting(Kind.DRIVE):
            return
        left = self._until - asyncio.get_running_loop().time()
        expires = self._until
        self._put(Item(Kind.DRIVE, item.command, silent, expires, item.generation, left, self._until))

    def _time_up(self) -> None:
        """A motion's time is over, or a gesture's next step did not come in time."""
        self.stop(silent)

    def _halt(self) -> None:
        self._generation += 1
        self._cancel_timers()
        if self.state.moving:
            self._deadman.arm(STOP_DEADLINE_S)
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.cancel()
        if self._pump is not None:
            self._pump.drop_motion()

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _send_stops(self, sequence: list[Command], report: Report) -> None:
        first, *others = sequence
        self._send_stop(first, report, 1)
        for command in others:
            self._send_stop(command, silent, 1 if command.is_stop else STOP_TRIES)

    def _send_stop(self, command: Command, report: Report, attempt: int) -> None:
        """Queue one stop ahead of everything; again if it stays unanswered, at last cut the link."""

        def heard(outcome: Outcome) -> None:
            if outcome.status is AckStatus.SENT:
                self._stands()
            again = outcome.final and outcome.status is not AckStatus.CONFIRMED and outcome is not LINK_LOST
            if again and attempt < STOP_TRIES:
                self._send_stop(command, report, attempt + 1)
                return
            if attempt == 1 or outcome.final:
                report(outcome)
            if again and command.is_stop:
                self._on_unstoppable()

        self._put(Item(Kind.URGENT, command, heard, float("inf")))

    def _stands(self) -> None:
        """A stop is on the wire, or the link is gone."""
        if self._gesture is None and not self._timers:
            self._deadman.disarm()
            self._set(MotionState(False, 0, self.state.heading, ""))

    async def _play(self, gesture: Gesture, report: Report, generation: int) -> None:
        """Send the steps at their times, each through the gate; whatever ends it, ends it with a stop."""
        verdict = Verdict(report)
        try:
            failure = await self._steps(gesture, report, generation, verdict)
        except asyncio.CancelledError:
            report(STOPPED)
            raise
        if generation != self._generation:
            report(STOPPED)
            return
        self._gesture = None
        if failure is None:
            self.stop(verdict.stop)
        else:
            self.stop(silent)
            report(failure)

    async def _steps(
        self, gesture: Gesture, report: Report, generation: int, verdict: Verdict
    ) -> Outcome | None:
        """Run all steps but the last, which is a stop; returns what went wrong so far, or None."""
        for number, step in enumerate(gesture.steps[:-1]):
            outcome = await self._step(step, verdict.step())
            if generation != self._generation or outcome.status is not AckStatus.SENT:
                return outcome
            if number == 0:
                report(SENT)
            await asyncio.sleep(step.hold_ms / 1000)
            if verdict.failure is not None:
                return verdict.failure
        return None

    async def _step(self, step: Step, report: Report) -> Outcome:
        """Send one step and return as soon as it is written or not going to be; its answer comes later."""
        refused = refusal(self._situation(), 0.0)
        if refused is not None:
            return rejected(refused.code, refused.reason)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()

        def heard(outcome: Outcome) -> None:
            report(outcome)
            if not done.done():
                done.set_result(outcome)

        if step.command.is_motor:
            self._put_motion(step.command, heard, step.hold_ms / 1000 + STEP_MARGIN_S)
        else:
            self._put(Item(Kind.DISCRETE, step.command, heard, loop.time() + MOTION_TTL_S))
        return await done

    def _gesture_ended(self, task: asyncio.Task[None]) -> None:
        """Stop if a gesture ended by an error; the error itself reaches the loop's handler."""
        if self._gesture is task:
            self._gesture = None
            self.stop(silent)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    def _set(self, state: MotionState) -> None:
        if state != self.state:
            self.state = state
            self._on_change(state)
