"""Drives, gestures and the speed cap: each passes the motion gate, and waits while the robot is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from bb8_core.link.connection_states import LinkState
from bb8_core.link.robot_connection import RobotLink
from bb8_core.motion.distance_limit import UNKNOWN
from bb8_core.motion.motion_control import Motion
from bb8_core.motion.motion_gate import Limits, Refused, Situation, capped, refusal
from bb8_core.publish_interface import Voice
from bb8_core.requests.acknowledgement import ACCEPTED, STOPPED, AckStatus, Outcome, Report, rejected
from bb8_core.requests.payload_parsing import Drive, Macro, Request, SpeedCap
from bb8_core.robot.gesture_steps import GESTURES, scaled

DRIVE_WAIT_S = 8.0
"""How long a drive may wait for the robot to be connected and awake."""
GESTURE_WAIT_S = 20.0
"""A gesture may wait longer: it is not steered by eye."""
LOOK_S = 0.05

_WAKEABLE = frozenset({LinkState.RELEASED, LinkState.ASLEEP, LinkState.CONNECTING, LinkState.WAKING})


class Driving:
    """Carries out what moves the robot. Belongs to the event loop."""

    def __init__(
        self,
        link: RobotLink,
        motion: Motion,
        voice: Voice,
        limits: Limits,
        situation: Callable[[], Situation],
        overtaken: Callable[[Request], bool],
    ) -> None:
        """`overtaken` is whether a stop came after a request was sent."""
        self._link = link
        self._motion = motion
        self._voice = voice
        self._highest_cap = limits.speed_cap
        self._limits = limits
        self._situation = situation
        self._overtaken = overtaken
        self._waiting: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()

    @property
    def limits(self) -> Limits:
        """What drives may be now."""
        return self._limits

    @property
    def waiting(self) -> bool:
        """Whether a drive or gesture waits for the robot to be connected."""
        return bool(self._waiting)

    def link_changed(self, ready: bool) -> None:
        """The robot is ready, or not any more."""
        if ready:
            self._ready.set()
        else:
            self._ready.clear()

    def move(self, request: Request, report: Report) -> None:
        """Drive or play a gesture; a robot that was let go or sleeps is connected and woken first."""
        intent = request.intent
        if isinstance(intent, Macro) and intent.name not in GESTURES:
            reason = f"there is no gesture {intent.name!r}; there are {', '.join(GESTURES)}"
            report(rejected("UNKNOWN_MACRO", reason))
            return
        age_s = max(0.0, _now() - request.received_at)
        reachable = replace(self._situation(), ready=True, stoppable=True, bounds=None)
        if self._link.status.state not in _WAKEABLE or refusal(reachable, age_s) is not None:
            self._move_now(request, report, age_s, accepted=False)
            return
        report(ACCEPTED)
        task = asyncio.get_running_loop().create_task(self._move_later(request, report))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def hold(self, drive: Drive, ends_at: float, report: Report) -> Refused | None:
        """Drive until `ends_at` (loop time) at most, or return why not; wakes the robot, but never waits."""
        refused = refusal(self._situation(), 0.0)
        if refused is None:
            self._motion.drive(capped(drive, self._limits), report, ends_at)
        elif refused.code == "NOT_READY" and self._link.status.state in _WAKEABLE:
            self._link.want()
        return refused

    async def _move_later(self, request: Request, report: Report) -> None:
        patience_s = GESTURE_WAIT_S if isinstance(request.intent, Macro) else DRIVE_WAIT_S
        until = min(_now() + patience_s, request.expires_at)
        self._link.want()
        try:
            async with asyncio.timeout_at(until):
                while not self._link.ready and not self._overtaken(request):
                    await self._ready.wait()
                while self._place_unknown() and not self._overtaken(request):  # noqa: ASYNC110 - rare and short
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            if not self._overtaken(request):
                status = self._link.status
                reason = f"{status.reason} {status.remedy}".strip()
                report(Outcome(AckStatus.EXPIRED, "NOT_REACHED", reason))
                return
        if self._overtaken(request):
            report(STOPPED)
        else:
            self._move_now(request, report, 0.0, accepted=True)

    def _place_unknown(self) -> bool:
        bounds = self._situation().bounds
        return bounds is not None and bounds.code == UNKNOWN

    def _move_now(self, request: Request, report: Report, age_s: float, *, accepted: bool) -> None:
        refused = refusal(self._situation(), age_s)
        if refused is not None:
            report(rejected(refused.code, refused.reason))
            return
        if not accepted:
            report(ACCEPTED)
        if isinstance(request.intent, Drive):
            self._motion.drive(capped(request.intent, self._limits), report)
        elif isinstance(request.intent, Macro):
            name = request.intent.name
            self._motion.play(name, scaled(GESTURES[name], self._limits.speed_cap), report)

    def cap(self, cap: SpeedCap, report: Report) -> None:
        """Lower the speed cap; the option is the upper limit."""
        if cap.value > self._highest_cap:
            report(rejected("BAD_VALUE", f"the option speed_cap allows at most {self._highest_cap}"))
            return
        self._limits = replace(self._limits, speed_cap=cap.value)
        self.publish()
        report(ACCEPTED)

    def publish(self) -> None:
        """Publish the speed cap."""
        self._voice.state("speed_cap", {"value": self._limits.speed_cap})


def _now() -> float:
    return asyncio.get_running_loop().time()
