"""Brings the robot back to its start: waits for its position, then plays the way home like a gesture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bb8_core.manual_driving.path_tracking import Survey
from bb8_core.motion.distance_limit import Whereabouts
from bb8_core.motion.motion_control import Motion
from bb8_core.motion.motion_gate import Refused
from bb8_core.requests.acknowledgement import ACCEPTED, STOPPED, SUPERSEDED, Outcome, Report, rejected
from bb8_core.requests.payload_parsing import Request
from bb8_core.routines.way_to_start import RETURN, way_home

POSITION_S = 2.0
"""How long the first position may take."""
LOOK_S = 0.05


class Homecoming:
    """Carries out the command. Belongs to the event loop."""

    def __init__(
        self,
        motion: Motion,
        survey: Survey,
        where: Whereabouts,
        refusal: Callable[[], Refused | None],
        overtaken: Callable[[Request], bool],
    ) -> None:
        """`refusal` returns why no motion is possible now, the distance limit aside."""
        self._motion = motion
        self._survey = survey
        self._where = where
        self._refusal = refusal
        self._overtaken = overtaken
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> bool:
        """Whether a way home waits for the first position."""
        return bool(self._tasks)

    @property
    def _lost(self) -> bool:
        return self._where.place(_now()) is None

    def begin(self, request: Request, speed_cap: int, report: Report) -> None:
        """Drive to the start, or return why not; a robot that sleeps is at its start."""
        refused = self._refusal()
        if refused is not None:
            report(rejected(refused.code, refused.reason))
            return
        report(ACCEPTED)
        task = asyncio.get_running_loop().create_task(self._go(request, speed_cap, report))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _go(self, request: Request, speed_cap: int, report: Report) -> None:
        self._survey.look(True, RETURN)
        moved_before = self._motion.state
        until = _now() + POSITION_S
        while self._lost and _now() < until and not self._overtaken(request):  # noqa: ASYNC110 - short
            await asyncio.sleep(LOOK_S)
        refused = self._refusal()
        if self._overtaken(request):
            self._finish(STOPPED, report)
        elif refused is not None:
            self._finish(rejected(refused.code, refused.reason), report)
        elif self._motion.state != moved_before:
            self._finish(SUPERSEDED, report)
        else:
            steps = way_home(lambda: self._where.place(_now()), lambda: self._where.bumps, speed_cap)
            self._motion.play(RETURN, steps, lambda outcome: self._finish(outcome, report))

    def _finish(self, outcome: Outcome, report: Report) -> None:
        if outcome.final:
            self._survey.look(False, RETURN)
        report(outcome)


def _now() -> float:
    return asyncio.get_running_loop().time()
