"""Sends stops before anything else, repeats them until they are answered, and at last cuts the link."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from bb8_core.motion.send_loop import Pump
from bb8_core.motion.send_queue import Item, Kind
from bb8_core.requests.acknowledgement import LINK_LOST, NO_ANSWER, AckStatus, Outcome, Report, silent
from bb8_core.robot.packet_framing import Command

REPEAT_AFTER_S = (0.25, 0.5, 0.75)
"""Pauses before the second, third and fourth try; an answer to any of them counts."""
GIVE_UP_S = 2.5
"""A stop that is unanswered so long after its first write cuts the link; a slow robot needs up to 2 s."""
UNWRITTEN_S = 1.0
"""A stop that is not written so long after it was asked for cuts the link: its write or another one hangs."""

_log = logging.getLogger("bb8.motion")


class RepeatedStop:
    """One stop that is sent until any of its tries is answered."""

    def __init__(
        self,
        command: Command,
        pump: Pump,
        on_sent: Callable[[], None],
        on_answered: Callable[[], None],
        on_unanswered: Callable[[], None],
    ) -> None:
        """Create it; `begin` queues the first try."""
        self.command = command
        self._pump = pump
        self._on_sent = on_sent
        self._on_answered = on_answered
        self._on_unanswered = on_unanswered
        self._reports: list[Report] = []
        self._written = 0
        self._overtaken = False
        self._done = False
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def waiting(self) -> bool:
        """Whether its first try is not written yet."""
        return not self._written and not self._done

    @property
    def done(self) -> bool:
        """Whether its outcome is known."""
        return self._done

    @property
    def open(self) -> bool:
        """Whether the robot still has to hear it: not answered, and no newer motion was written."""
        return not self._done and not self._overtaken

    def begin(self, report: Report) -> None:
        """Queue the first try."""
        self._reports.append(report)
        self._put(1)
        self._watch_first_write(2)

    def join(self, report: Report) -> None:
        """Serve another request while it still waits: one write stops for all."""
        self._reports.append(report)

    def overtake(self) -> None:
        """A newer motion is being written: repeating this stop would end it."""
        if self._written:
            self._overtaken = True

    def _watch_first_write(self, looks: int) -> None:
        """Look twice: after a standstill of the process, the stop has its turn before the second look."""
        if not self.waiting:
            return
        if looks == 0:
            self._give_up(LINK_LOST)
            return
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(UNWRITTEN_S / 2, self._watch_first_write, looks - 1))

    def _put(self, attempt: int) -> None:
        if not self.open:
            return
        heard = partial(self._heard, attempt)
        self._pump.put(Item(Kind.URGENT, self.command, heard, float("inf"), wanted=lambda: self.open))

    def _heard(self, attempt: int, outcome: Outcome) -> None:
        if self._done:
            return
        if outcome.status is AckStatus.SENT:
            self._sent(attempt, outcome)
        elif outcome is LINK_LOST:
            self._finish(outcome)
        elif outcome.status is AckStatus.CONFIRMED:
            self._confirmed(outcome)
        elif outcome.status is AckStatus.REJECTED:
            self._refused(attempt, outcome)

    def _sent(self, attempt: int, outcome: Outcome) -> None:
        self._written = attempt
        self._on_sent()
        loop = asyncio.get_running_loop()
        if attempt == 1:
            for report in self._reports:
                report(outcome)
            self._timers.append(loop.call_later(GIVE_UP_S, self._give_up, NO_ANSWER))
        if attempt <= len(REPEAT_AFTER_S):
            self._timers.append(loop.call_later(REPEAT_AFTER_S[attempt - 1], self._put, attempt + 1))

    def _confirmed(self, outcome: Outcome) -> None:
        """The robot has heard this stop; it stands unless a newer motion was written meanwhile."""
        self._finish(outcome)
        if not self._overtaken:
            self._on_answered()

    def _refused(self, attempt: int, outcome: Outcome) -> None:
        """The robot refused this try: repeat it at once, and give up after the last."""
        if attempt == self._written and attempt <= len(REPEAT_AFTER_S) and not self._overtaken:
            self._put(attempt + 1)
        elif attempt > len(REPEAT_AFTER_S):
            self._give_up(outcome)

    def _give_up(self, outcome: Outcome) -> None:
        if self._done:
            return
        self._finish(outcome)
        if not self._overtaken:
            self._on_unanswered()

    def _finish(self, outcome: Outcome) -> None:
        self._done = True
        for timer in self._timers:
            timer.cancel()
        for report in self._reports:
            report(outcome)


class StopSender:
    """Queues stops for the pump. Belongs to the event loop."""

    def __init__(
        self,
        pump: Pump,
        on_sent: Callable[[], None],
        on_answered: Callable[[], None],
        on_unstoppable: Callable[[], None],
    ) -> None:
        """Call `on_sent` when a stop is on the wire, `on_answered` when the robot has answered all.

        `on_unstoppable` is called when stops cannot be written or stay unanswered.
        """
        self._pump = pump
        self._on_sent = on_sent
        self._on_answered = on_answered
        self._on_unstoppable = on_unstoppable
        self._stops: list[RepeatedStop] = []
        self._latest: RepeatedStop | None = None
        self._latest_sequence: tuple[Command, ...] = ()

    def send(self, sequence: Sequence[Command], report: Report) -> None:
        """Send these commands in this order; `report` gets the outcome of the first.

        While an equal or longer sequence still waits to be written, it serves this request, too.
        """
        if self._latest is not None and self._latest.waiting and len(sequence) <= len(self._latest_sequence):
            self._latest.join(report)
            return
        first, *others = sequence
        self._latest_sequence = tuple(sequence)
        self._latest = self._repeat(first, report)
        for command in others:
            if command.is_stop and command.key != first.key:
                self._repeat(command, silent)
            else:
                self._pump.put(Item(Kind.URGENT, command, silent, float("inf")))

    def overtake(self) -> None:
        """A newer motion is being written: older stops are not repeated any more."""
        for stop in self._stops:
            stop.overtake()

    def _repeat(self, command: Command, report: Report) -> RepeatedStop:
        stop = RepeatedStop(command, self._pump, self._on_sent, self._answered, self._unanswered)
        self._stops = [*(other for other in self._stops if not other.done), stop]
        stop.begin(report)
        return stop

    def _answered(self) -> None:
        if not any(stop.open for stop in self._stops):
            self._on_answered()

    def _unanswered(self) -> None:
        _log.error("the robot did not take or answer a stop: cutting the link so that it stops by itself")
        self._on_unstoppable()
