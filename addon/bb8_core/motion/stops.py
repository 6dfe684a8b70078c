"""Stops that insist: ahead of everything, repeated while unanswered, and at last by cutting the link."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bb8_core.motion.outbox import Item, Kind
from bb8_core.motion.pump import Pump
from bb8_core.requests.outcome import LINK_LOST, AckStatus, Outcome, Report, silent
from bb8_core.robot.protocol import Command

STOP_TRIES = 3

_log = logging.getLogger("bb8.motion")


class StopSender:
    """Queues stops for the pump. Belongs to the event loop."""

    def __init__(self, pump: Pump, on_sent: Callable[[], None], on_unstoppable: Callable[[], None]) -> None:
        """Call `on_sent` when a stop is on the wire, `on_unstoppable` when stops stay unanswered."""
        self._pump = pump
        self._on_sent = on_sent
        self._on_unstoppable = on_unstoppable

    def send(self, sequence: list[Command], report: Report) -> None:
        """Send these commands in this order; `report` gets the outcome of the first."""
        first, *others = sequence
        self._send_one(first, report, 1)
        for command in others:
            self._send_one(command, silent, 1 if command.is_stop else STOP_TRIES)

    def _send_one(self, command: Command, report: Report, attempt: int) -> None:
        """Queue one stop; again if it stays unanswered, and after the last try give up."""

        def heard(outcome: Outcome) -> None:
            if outcome.status is AckStatus.SENT:
                self._on_sent()
            again = outcome.final and outcome.status is not AckStatus.CONFIRMED and outcome is not LINK_LOST
            if again and attempt < STOP_TRIES:
                self._send_one(command, report, attempt + 1)
                return
            if attempt == 1 or outcome.final:
                report(outcome)
            if again and command.is_stop:
                _log.error("the robot did not answer a stop: cutting the link so that it stops by itself")
                self._on_unstoppable()

        self._pump.put(Item(Kind.URGENT, command, heard, float("inf")))
