"""Plays steps one by one, a gesture or a way; whatever ends them, they end with a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from bb8_core.motion.motion_gate import Refused
from bb8_core.requests.acknowledgement import SENT, STOPPED, AckStatus, Outcome, Report, rejected, silent
from bb8_core.robot.gesture_steps import Step


class Doubt(Exception):
    """The next step is not certain, so the robot is stopped; `refused` gives the reason."""

    def __init__(self, refused: Refused) -> None:
        """Keep the reason."""
        super().__init__(refused.reason)
        self.refused = refused


class Verdict:
    """The outcome of a gesture: confirmed only if its stop and every step before it were."""

    __slots__ = ("_end", "_outstanding", "_report", "failure")

    def __init__(self, report: Report) -> None:
        """Report once, when the outcomes of the stop and of all steps are known."""
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
                self._conclude()

        return heard

    def stop(self, outcome: Outcome) -> None:
        """Take the outcome of the stop at the end."""
        if outcome.final:
            self._end = outcome
            self._conclude()

    def _conclude(self) -> None:
        if self._end is not None and not self._outstanding:
            self._report(self.failure or self._end)


class GesturePlayer:
    """Plays one gesture at a time. Belongs to the event loop."""

    def __init__(
        self,
        refusal: Callable[[], Refused | None],
        send: Callable[[Step, Report], None],
        stop: Callable[[Report], None],
    ) -> None:
        """Ask `refusal` before each step, `send` the steps, and call `stop` at the end."""
        self._refusal = refusal
        self._send = send
        self._stop = stop
        self._task: asyncio.Task[None] | None = None

    @property
    def playing(self) -> bool:
        """Whether a gesture is running."""
        return self._task is not None

    def play(self, steps: Iterable[Step], report: Report) -> None:
        """Start; the caller has ended the steps before. A step may be made when it is due, or be a Doubt."""
        self._task = asyncio.get_running_loop().create_task(self._play(steps, report))
        self._task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """End the gesture; the caller stops the robot."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _play(self, steps: Iterable[Step], report: Report) -> None:
        verdict = Verdict(report)
        try:
            failure = await self._steps(steps, report, verdict)
        except asyncio.CancelledError:
            report(STOPPED)
            raise
        if not self._current:
            report(STOPPED)
            return
        self._task = None
        if failure is None:
            self._stop(verdict.stop)
        else:
            self._stop(silent)
            report(failure)

    @property
    def _current(self) -> bool:
        return self._task is asyncio.current_task()

    async def _steps(self, steps: Iterable[Step], report: Report, verdict: Verdict) -> Outcome | None:
        """Run all steps, each when the one before is over; returns the first failure so far, or None."""
        try:
            for number, step in enumerate(steps):
                outcome = await self._step(step, verdict.step())
                if not self._current or outcome.status is not AckStatus.SENT:
                    return outcome
                if number == 0:
                    report(SENT)
                await asyncio.sleep(step.hold_ms / 1000)
                if verdict.failure is not None:
                    return verdict.failure
        except Doubt as doubt:
            return rejected(doubt.refused.code, doubt.refused.reason)
        return None

    async def _step(self, step: Step, report: Report) -> Outcome:
        """Send one step and return as soon as it is written or refused; its answer comes later."""
        refused = self._refusal()
        if refused is not None:
            return rejected(refused.code, refused.reason)
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def heard(outcome: Outcome) -> None:
            report(outcome)
            if not done.done():
                done.set_result(outcome)

        self._send(step, heard)
        return await done

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Stop if a gesture ended by an error; the error itself reaches the loop's handler."""
        if self._task is task:
            self._task = None
            self._stop(silent)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
