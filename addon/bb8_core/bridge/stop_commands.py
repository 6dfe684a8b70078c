"""Stop and emergency stop, from every source and in every state, without a queue in between."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bb8_core.link.robot_connection import RobotLink
from bb8_core.motion.emergency_latch import EstopLatch, Keeper
from bb8_core.motion.motion_control import Motion
from bb8_core.motion.motion_gate import LastStop
from bb8_core.motion.send_queue import Kind
from bb8_core.publish_interface import Voice
from bb8_core.requests.acknowledgement import ACCEPTED, NO_ANSWER, Outcome, Report, rejected, silent
from bb8_core.requests.payload_parsing import ClearEstop, Estop, Stop

SAVE_BUDGET_S = 1.0
AWAKE_WITHIN_S = 0.35
"""An awake robot answers so soon after it was woken, even to the second try of a stop that came before."""

_log = logging.getLogger("bb8.bridge")


class Stopping:
    """Stops the robot and keeps the emergency stop's latch. Belongs to the event loop."""

    def __init__(
        self,
        link: RobotLink,
        motion: Motion,
        voice: Voice,
        latch: EstopLatch,
        save: Callable[[Callable[[], object]], None],
    ) -> None:
        """Stop `motion`; `save` runs a slow file operation outside of the event loop."""
        self._link = link
        self._motion = motion
        self._voice = voice
        self._latch = latch
        self._keeper = Keeper(latch, save)
        self._witness = True
        self.last = LastStop()
        self.latched_by = "an earlier run of the app" if latch.latched else ""

    @property
    def latched(self) -> bool:
        """Whether the emergency stop is latched."""
        return self._latch.latched

    def obey(
        self, intent: Stop | Estop | ClearEstop, report: Report, asked_at: float, by: str = "MQTT"
    ) -> None:
        """Carry one of them out; `asked_at` is when it was asked for (loop time), `by` is who asked."""
        match intent:
            case Stop():
                self.stop(report, asked_at)
            case Estop():
                self.estop(report, asked_at, by)
            case ClearEstop():
                self.clear()
                report(ACCEPTED)

    def stop(self, report: Report, asked_at: float) -> None:
        """Not gated by anything: whatever the state, nothing that waits moves the robot any more."""
        self.last.stopped(asked_at)
        if self._link.channel.open:
            report(ACCEPTED)
            self._motion.stop(report)
            return
        self._forget_motion()
        reason = "the robot is not connected, so there is nothing to stop; it stops itself when a link ends"
        report(rejected("NOT_CONNECTED", reason))

    def halt(self) -> None:
        """Stop because a driver has let go."""
        self.stop(silent, _now())

    def estop(self, report: Report, asked_at: float, by: str = "the app's page") -> None:
        """Stop first, then save the latch: the disk may be slow. `by` is who asked for it."""
        self.last.latched(asked_at)
        self._witness = False
        self.latched_by = self.latched_by or by
        self._latch.set()
        lasting = LastingReport(report)
        if self._link.channel.open:
            report(ACCEPTED)
            self._motion.emergency_stop(lasting.heard)
        else:
            self._forget_motion()
            lasting.close(replace(ACCEPTED, reason="latched; the robot is not connected"))
        self._keeper.save(lasting.saved)
        self.publish()
        _log.warning("emergency stop latched")

    def clear(self) -> None:
        """Lift the emergency stop."""
        self._witness = False
        self.latched_by = ""
        self._latch.clear()
        self._keeper.save()
        self.publish()
        _log.info("emergency stop cleared")

    def witness(self, payload: bytes) -> None:
        """Take the state that the broker kept from an earlier run: the file may have been lost since."""
        if self._witness and not self._latch.latched and payload == json.dumps(_state(True)).encode():
            _log.warning("the broker remembers an emergency stop that the file does not")
            self.estop(silent, _now(), "an earlier run of the app")
        self._witness = False

    def stop_again_if_latched(self) -> None:
        """The robot is connected again: with the emergency stop latched, it is stopped again."""
        if self._latch.latched:
            self._motion.emergency_stop(silent)

    def broker_lost(self) -> None:
        """No client can send a stop any more, so stop now."""
        self.last.stopped(_now())
        if self._motion.state.moving or len(self._motion.pump):
            self.stop(silent, _now())

    def rushed(self) -> None:
        """Commands come so fast that the broker may have dropped a stop: act as if it had.

        This is called again and again while the rush lasts; latching and stopping once is enough.
        """
        self.last.latched(_now())
        moves = self._motion.state.moving or self._motion.pump.waiting(Kind.DRIVE)
        if moves and not self._latch.latched:
            _log.error("so many commands a second that a stop may be lost: latching the emergency stop")
            self.estop(silent, _now(), "the app, because too many commands came at once")

    async def stop_and_wait(self, timeout_s: float) -> Outcome:
        """Stop the robot; returns the outcome, NO_ANSWER after `timeout_s` seconds."""
        return await _final_outcome(self.stop, timeout_s)

    async def stop_at_the_end(self, timeout_s: float) -> Outcome:
        """Stop the robot; returns the outcome, NO_ANSWER if there is none in time.

        Waits `timeout_s` seconds for a robot that has answered before on this link. One that has not is
        asleep or starts up and does not move: its stop is written and repeated, but its answer is only waited
        for as long as an awake robot would need.
        """
        channel = self._link.channel
        if channel.heard:
            return await self.stop_and_wait(timeout_s)
        ends = _now() + timeout_s
        loop = asyncio.get_running_loop()
        written: asyncio.Future[Outcome] = loop.create_future()
        answered: asyncio.Future[Outcome] = loop.create_future()

        def heard(outcome: Outcome) -> None:
            for reached, future in ((outcome is not ACCEPTED, written), (outcome.final, answered)):
                if reached and not future.done():
                    future.set_result(outcome)

        self.stop(heard, _now())
        await asyncio.wait((written,), timeout=timeout_s)
        await asyncio.wait(
            (answered,), timeout=max(0.0, min(channel.woken_at + AWAKE_WITHIN_S, ends) - _now())
        )
        return answered.result() if answered.done() else NO_ANSWER

    async def estop_and_wait(self, timeout_s: float) -> Outcome:
        """Latch the emergency stop; returns the stop's outcome, ACCEPTED if no robot is connected."""
        return await _final_outcome(self.estop, timeout_s)

    def save_latch(self) -> None:
        """Save the latch if it is not saved yet: the file exists from the first start on."""
        self._keeper.save()

    def publish(self) -> None:
        """Publish whether the emergency stop is latched."""
        self._voice.state("estop", _state(self._latch.latched))

    def _forget_motion(self) -> None:
        self._motion.link_lost()
        self._motion.pump.drop_motion()


class LastingReport:
    """Holds back the last step of an emergency stop until it is known whether the latch is saved."""

    def __init__(self, report: Report) -> None:
        """Report through `report`; if the disk hangs, the latch counts as not saved."""
        self._report = report
        self._outcome: Outcome | None = None
        self._saved: bool | None = None
        self._timer = asyncio.get_running_loop().call_later(SAVE_BUDGET_S, self.saved, False)

    def heard(self, outcome: Outcome) -> None:
        """Take a step of the stop."""
        if outcome.final:
            self.close(outcome)
        else:
            self._report(outcome)

    def close(self, outcome: Outcome) -> None:
        """Take the last step."""
        self._outcome = outcome
        self._conclude()

    def saved(self, saved: bool) -> None:
        """Take whether the latch was saved; the first answer counts."""
        self._timer.cancel()
        if self._saved is None:
            self._saved = saved
            self._conclude()

    def _conclude(self) -> None:
        if self._outcome is not None and self._saved is not None:
            self._report(replace(self._outcome, lasting=self._saved))


def _state(latched: bool) -> dict[str, Any]:
    return {"state": "ON" if latched else "OFF"}


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _final_outcome(action: Callable[[Report, float], None], timeout_s: float) -> Outcome:
    final: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def heard(outcome: Outcome) -> None:
        if (outcome.final or outcome.lasting is not None) and not final.done():
            final.set_result(outcome)

    action(heard, _now())
    try:
        async with asyncio.timeout(timeout_s):
            return await final
    except TimeoutError:
        return NO_ANSWER
